//! The sandbox bureau: issuing rules from a file. Values are made up for demonstrations; no real bureau has set them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::base::{Code, Fault, Faults};
use crate::invoice::IssuingRules;

/// A bureau that gives every merchant the default rules, some others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxBureau {
    v: u8,
    /// What the rules are to show; for readers of the file only.
    #[serde(rename = "story")]
    _story: String,
    default: IssuingRules,
    #[serde(default)]
    by_taxpayer_id: BTreeMap<String, IssuingRules>,
}

impl SandboxBureau {
    /// Reads the bureau's rules, for example `fixtures/demo/rules.json`.
    ///
    /// # Errors
    /// [`Code::BureauRulesMalformed`] when it can't be read; the invoice room's faults, placed, when rules make no sense.
    pub fn from_json(text: &str) -> Result<Self, Faults> {
        let malformed = |message: String| Fault::new(Code::BureauRulesMalformed, "", message);
        let bureau: Self = serde_json::from_str(text).map_err(|e| malformed(e.to_string()))?;
        if bureau.v != 1 {
            return Err(malformed(format!("version {}; known is 1", bureau.v)).into());
        }
        let under = |faults: Faults, parent: &str| Faults(faults.0.into_iter().map(|f| f.under(parent)).collect());
        bureau.default.validate().map_err(|faults| under(faults, "default"))?;
        for (id, rules) in &bureau.by_taxpayer_id {
            rules.validate().map_err(|faults| under(faults, &format!("by_taxpayer_id.{id}")))?;
        }
        Ok(bureau)
    }

    /// The rules for a merchant.
    pub fn rules_for(&self, taxpayer_id: &str) -> &IssuingRules {
        self.by_taxpayer_id.get(taxpayer_id).unwrap_or(&self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invoice::Fen;

    #[test]
    fn a_merchant_gets_its_own_rules_or_the_default() {
        let text =
            r#"{"v":1,"story":"s","default":{"per_invoice_cap":100},"by_taxpayer_id":{"X":{"per_invoice_cap":5}}}"#;
        let bureau = SandboxBureau::from_json(text).unwrap();
        assert_eq!(bureau.rules_for("X").per_invoice_cap, Some(Fen::new(5).unwrap()));
        assert_eq!(bureau.rules_for("Y").per_invoice_cap, Some(Fen::new(100).unwrap()));
    }

    #[test]
    fn rules_that_can_not_be_read_are_refused() {
        for text in ["", "{}", r#"{"v":2,"story":"s","default":{}}"#, r#"{"v":1,"story":"s","default":{"cap":1}}"#] {
            assert_eq!(SandboxBureau::from_json(text).unwrap_err().first().unwrap().code, Code::BureauRulesMalformed);
        }
    }

    #[test]
    fn rules_without_sense_are_refused_with_the_place() {
        let text = r#"{"v":1,"story":"s","default":{"rates":[601]}}"#;
        let faults = SandboxBureau::from_json(text).unwrap_err();
        assert_eq!((faults.0[0].code, faults.0[0].path.as_str()), (Code::InvRateUnknown, "default.rates[0]"));
    }
}
