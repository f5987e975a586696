//! The issuing desk: draft, check, sign, submit.

use std::sync::Arc;

use serde::Serialize;

use super::{Desk, POLICY, Recorded, rules_in_force};
use crate::base::ids::{IdempotencyKey, MerchantId};
use crate::base::stages::Stage;
use crate::base::{Code, Fault, Faults, LegalDate};
use crate::chain::canonical;
use crate::chain::issuer::{Address, IssuerSignature, eip191_hash};
use crate::invoice::checked::Checked;
use crate::invoice::draft::Draft;
use crate::ledger::command::{Command, Issue, Unsigned, request_hash};

/// How idempotency keys begin under which a payment is invoiced by itself.
pub(super) const ON_PAYMENT: &str = "on-payment:";

/// A request to issue.
#[derive(Debug, Clone)]
pub struct IssueAsked {
    /// Who issues.
    pub merchant: MerchantId,
    /// The caller's key.
    pub key: IdempotencyKey,
    /// What is to be invoiced.
    pub draft: Draft,
    /// The merchant's own signature over the checked draft's text; needed when its key is not in custody.
    pub signature: Option<IssuerSignature>,
}

/// What a draft would become.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The checked draft.
    pub checked: Checked,
    /// Its canonical text: what is signed.
    pub text: String,
    /// The EIP-191 hash of the text, lower-case hex: what a wallet signs.
    pub digest: String,
    /// Who must sign.
    pub issuer: Address,
    /// What is odd about it without being refused.
    pub warnings: Vec<Fault>,
}

/// What makes two requests the same. A signature belongs to it: signing again gives the same bytes (RFC 6979).
#[derive(Serialize)]
struct Fingerprint<'a> {
    draft: &'a Draft,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<IssuerSignature>,
}

impl Desk {
    /// Issues an invoice, exactly once a key.
    ///
    /// # Errors
    /// Every fault of the draft at once; what execution refuses; [`Code::LedgerKeyReserved`]; [`Code::SeqBusy`].
    pub async fn issue(&self, asked: IssueAsked) -> Result<(Recorded, Vec<Fault>), Faults> {
        if asked.key.as_str().starts_with(ON_PAYMENT) {
            let message = format!("keys that begin with '{ON_PAYMENT}' are the service's own");
            return Err(Fault::new(Code::LedgerKeyReserved, "", message).into());
        }
        self.issue_under(asked).await
    }

    /// Issues under any key, the service's own among them.
    pub(super) async fn issue_under(&self, asked: IssueAsked) -> Result<(Recorded, Vec<Fault>), Faults> {
        let IssueAsked { merchant, key, draft, signature } = asked;
        let profile = self.profile(&merchant).await?;
        let date = LegalDate::of(self.clock.now())?;
        let request = || request_hash(&self.chain, "issue", &Fingerprint { draft: &draft, signature });
        let check = || draft.check(&profile.merchant.seller, &self.chain, &merchant, date, &POLICY);
        let checked = Stage::Check.measure(check);
        let (checked, warnings) = match checked {
            Ok(checked) => checked,
            Err(faults) => {
                // A draft of yesterday may break a rule of today; if it was issued then, that is still the answer.
                let Ok(request) = request() else { return Err(faults) };
                let before = self.answered_before(merchant.as_str(), &key, request).await?;
                return before.map(|recorded| (recorded, Vec::new())).ok_or(faults);
            }
        };
        let request = Stage::Check.measure(request)?;
        let sealed = match (signature, &profile.key) {
            (Some(signature), _) => {
                let issue = Issue::signed(key, request, checked, profile.merchant.issuer, signature)?;
                self.sequencer.submit(Command::Issue(Box::new(issue))).await?
            }
            (None, Some(issuer)) => {
                let draft = Stage::Check.measure(|| Unsigned::new(key, request, checked))?;
                self.sequencer.sign_and_submit(draft, Arc::clone(issuer)).await?
            }
            (None, None) => {
                let message = "this merchant keeps its own key: sign the text that POST /v1/drafts gives";
                return Err(Fault::new(Code::LedgerIssuerSignatureBad, "signature", message).into());
            }
        };
        Ok((self.recorded(sealed).await?, warnings))
    }

    /// Checks a draft without issuing it: all faults, those of the bureau's rules included, or what would be signed.
    ///
    /// # Errors
    /// Every fault of the draft at once.
    pub async fn preview(&self, merchant: &MerchantId, draft: &Draft) -> Result<Preview, Faults> {
        let profile = self.profile(merchant).await?;
        let date = LegalDate::of(self.clock.now())?;
        let (checked, warnings) = draft.check(&profile.merchant.seller, &self.chain, merchant, date, &POLICY)?;
        let wanted = merchant.clone();
        let rules = self.store.read(move |reader| Ok::<_, Faults>(rules_in_force(reader, &wanted)?)).await?;
        if let Some(rules) = rules {
            rules.rules.check(&checked)?;
        }
        let text = canonical::to_canonical(&checked)?;
        let digest = eip191_hash(&text).to_string();
        Ok(Preview { checked, text, digest, issuer: profile.merchant.issuer, warnings })
    }
}
