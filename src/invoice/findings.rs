//! Gathers everything that is wrong with a draft, so that the caller hears it all at once.

use crate::base::{Code, Fault, Faults};

/// What was found so far: faults refuse the draft, warnings go out beside it.
#[derive(Debug, Default)]
pub(super) struct Findings {
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl Findings {
    pub(super) fn refuse(&mut self, code: Code, path: &str, message: impl Into<String>) {
        self.faults.push(Fault::new(code, path, message));
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(super) fn warn(&mut self, fault: Fault) {
        self.warnings.push(fault);
    }

    /// Takes over what was found one level further in. The parent's name is made only when there is something to place.
    pub(super) fn nest(&mut self, inner: Findings, parent: impl FnOnce() -> String) {
        if inner.faults.is_empty() && inner.warnings.is_empty() {
            return;
        }
        let parent = parent();
        self.faults.extend(inner.faults.into_iter().map(|f| f.under(&parent)));
        self.warnings.extend(inner.warnings.into_iter().map(|f| f.under(&parent)));
    }

    /// The warnings when nothing refuses, all the faults otherwise.
    pub(super) fn into_result(self) -> Result<Vec<Fault>, Faults> {
        if self.faults.is_empty() { Ok(self.warnings) } else { Err(Faults(self.faults)) }
    }
}
