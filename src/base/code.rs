//! One table of all stable codes. A code never changes its meaning; tests and callers rely on the code, not on the prose.

use std::fmt;

use serde::{Serialize, Serializer};

/// What kind of trouble a code speaks of. The HTTP room alone turns a class into a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The request can't be read (syntax, unknown field, wrong type).
    Malformed,
    /// The request can be read but says something that must be refused.
    Refused,
    /// The request clashes with what is recorded already.
    Conflict,
    /// No or bad credentials.
    Unauthenticated,
    /// Good credentials that do not allow this.
    Forbidden,
    /// No such thing, or none that this caller may see.
    Missing,
    /// The body is too large.
    TooLarge,
    /// A quota that time or the bureau can refill.
    Exhausted,
    /// Try again later; nothing was done.
    Busy,
    /// Stored bytes or an offered proof do not hold together.
    Corrupt,
    /// Our fault.
    Internal,
}

macro_rules! codes {
    ($($(#[$section:meta])* $name:ident = $text:literal, $class:ident, $meaning:literal;)*) => {
        /// A stable code: what went wrong, for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $meaning] $(#[$section])* $name,)*
        }

        impl Code {
            /// Every code, in table order.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The code as callers see it.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// What kind of trouble it is.
            pub fn class(self) -> Class {
                match self { $(Code::$name => Class::$class,)* }
            }

            /// What it means, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$name => $meaning,)* }
            }
        }
    };
}

codes! {
    // --- base
    Internal = "INTERNAL", Internal, "Something failed on our side; the request id leads to the log.";
    ClockOutOfRange = "CLOCK-OUT-OF-RANGE", Internal, "The clock shows a time in which no invoice can be issued.";
    IdMalformed = "ID-MALFORMED", Malformed, "An id does not have the form it must have.";
    IdempotencyKeyMalformed = "IDEMPOTENCY-KEY-MALFORMED", Malformed, "The idempotency key does not have the form it must have.";

    // --- invoice (INV-...)

    // --- chain (CHAIN-... and the verdict codes)

    // --- ledger (LEDGER-...)

    // --- store (STORE-...)

    // --- parties (WECHAT-..., CUSTODY-..., BUREAU-...)

    // --- render (RENDER-...)

    // --- sequencer and http (HTTP-..., SEQ-...)

    // --- config and cli (CONFIG-..., CLI-...)
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One thing that is wrong: a stable code, where (a JSON path such as `lines[3].rate`, empty for the whole), and a sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{code} at '{path}': {message}")]
pub struct Fault {
    /// The stable code.
    pub code: Code,
    /// JSON path into what the caller sent; empty when the whole is meant.
    pub path: String,
    /// A sentence for people.
    pub message: String,
}

impl Fault {
    /// A fault at a place.
    pub fn new(code: Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, path: path.into(), message: message.into() }
    }

    /// The same fault, one level further in: `a` + `b` gives `a.b`, `a` + `[1]` gives `a[1]`.
    #[must_use]
    pub fn under(mut self, parent: &str) -> Self {
        self.path = match (parent.is_empty(), self.path.is_empty()) {
            (true, _) => self.path,
            (false, true) => parent.to_owned(),
            (false, false) if self.path.starts_with('[') => format!("{parent}{}", self.path),
            (false, false) => format!("{parent}.{}", self.path),
        };
        self
    }
}

/// All the faults of one request, never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{} fault(s), first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// The first fault, which names the answer's status.
    pub fn first(&self) -> Option<&Fault> {
        self.0.first()
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_well_formed() {
        let mut seen = std::collections::BTreeSet::new();
        for code in Code::ALL {
            let text = code.as_str();
            assert!(seen.insert(text), "{text} stands twice");
            assert!(text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-' || b == b'_'), "{text}");
            assert!(code.meaning().ends_with('.'), "{text}");
        }
    }

    #[test]
    fn paths_nest() {
        let fault = Fault::new(Code::Internal, "rate", "x").under("lines[3]").under("draft");
        assert_eq!(fault.path, "draft.lines[3].rate");
        assert_eq!(Fault::new(Code::Internal, "[2]", "x").under("lines").path, "lines[2]");
    }
}
