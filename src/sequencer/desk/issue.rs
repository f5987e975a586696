//! The issuing desk: draft, check, sign, submit.

use std::sync::Arc;

use serde::Serialize;

use super::{Desk, POLICY, Profile, Recorded, not_reserved, rules_in_force, unknown_merchant};
use crate::base::ids::{IdempotencyKey, MerchantId};
use crate::base::stages::Stage;
use crate::base::{Code, Fault, Faults, LegalDate};
use crate::chain::canonical;
use crate::chain::hash::Hash;
use crate::chain::issuer::{Address, IssuerSignature, eip191_hash};
use crate::invoice::checked::Checked;
use crate::invoice::draft::Draft;
use crate::ledger::command::{Command, Issue, Unsigned, request_hash};
use crate::ledger::state::Reader as _;
use crate::store::Reader;

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
        not_reserved(&asked.key)?;
        self.issue_under(asked).await
    }

    /// Issues under any key, the service's own among them.
    pub(super) async fn issue_under(&self, asked: IssueAsked) -> Result<(Recorded, Vec<Fault>), Faults> {
        let profile = self.profile(&asked.merchant).await?;
        match self.issue_as(&profile, &asked).await {
            Ok(issued) => Ok(issued),
            Err(faults) => self.issue_as(&*self.renewed(&profile, faults).await?, &asked).await,
        }
    }

    /// Issues for a merchant as it was read.
    async fn issue_as(&self, profile: &Profile, asked: &IssueAsked) -> Result<(Recorded, Vec<Fault>), Faults> {
        let IssueAsked { merchant, key, draft, signature } = asked;
        let signature = *signature;
        let date = LegalDate::of(self.clock.now())?;
        let request = || request_hash(&self.chain, "issue", &Fingerprint { draft, signature });
        let check = || draft.check(&profile.merchant.seller, &self.chain, merchant, date, &POLICY);
        let checked = Stage::Check.measure(check);
        let (checked, warnings) = match checked {
            Ok(checked) => checked,
            Err(faults) => {
                // A draft of yesterday may break a rule of today; if it was issued then, that is still the answer.
                let Ok(request) = request() else { return Err(faults) };
                return self.issued_before(asked, request).await?.ok_or(faults);
            }
        };
        let request = Stage::Check.measure(request)?;
        let sealed = match (signature, &profile.key) {
            (Some(signature), _) => {
                match Issue::signed(key.clone(), request, checked, profile.merchant.issuer, signature) {
                    Ok(issue) => self.sequencer.submit(Command::Issue(Box::new(issue))).await?,
                    // It may be of a key that has been replaced since.
                    Err(faults) => return self.issued_before(asked, request).await?.ok_or(faults),
                }
            }
            (None, Some(issuer)) => {
                let draft = Stage::Check.measure(|| Unsigned::new(key.clone(), request, checked))?;
                self.sequencer.sign_and_submit(draft, Arc::clone(issuer)).await?
            }
            (None, None) => {
                let faults = own_signature_missing("POST /v1/drafts").into();
                return self.issued_before(asked, request).await?.ok_or(faults);
            }
        };
        Ok((self.recorded(sealed).await?, warnings))
    }

    /// What the same request led to before.
    async fn issued_before(&self, asked: &IssueAsked, request: Hash) -> Result<Option<(Recorded, Vec<Fault>)>, Faults> {
        let before = self.answered_before(asked.merchant.as_str(), &asked.key, request).await?;
        Ok(before.map(|recorded| (recorded, Vec::new())))
    }

    /// Checks a draft without issuing it: all faults, those of the bureau's rules included, or what would be signed.
    ///
    /// # Errors
    /// Every fault of the draft at once.
    pub async fn preview(&self, merchant: &MerchantId, draft: &Draft) -> Result<Preview, Faults> {
        let wanted = merchant.clone();
        let read = move |reader: &mut Reader<'_>| {
            // Not as it was read before: who must sign may have changed since.
            let known = reader.merchant(&wanted)?.ok_or_else(|| unknown_merchant(&wanted))?;
            Ok::<_, Faults>((known, rules_in_force(reader, &wanted)?))
        };
        let (known, rules) = self.store.read(read).await?;
        let date = LegalDate::of(self.clock.now())?;
        let (checked, warnings) = draft.check(&known.seller, &self.chain, merchant, date, &POLICY)?;
        if let Some(rules) = rules {
            rules.rules.check(&checked)?;
        }
        Preview::of(checked, known.issuer, warnings)
    }
}

impl Preview {
    /// What a checked draft says to whoever signs it.
    pub(super) fn of(checked: Checked, issuer: Address, warnings: Vec<Fault>) -> Result<Self, Faults> {
        let text = canonical::to_canonical(&checked)?;
        let digest = eip191_hash(&text).to_string();
        Ok(Self { checked, text, digest, issuer, warnings })
    }
}

/// What a merchant hears that keeps its own key and has not signed.
pub(super) fn own_signature_missing(whose_text: &str) -> Fault {
    let message = format!("this merchant keeps its own key: sign the text that {whose_text} gives");
    Fault::new(Code::LedgerIssuerSignatureBad, "signature", message)
}
