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
    /// The path is there, the method is not.
    Method,
    /// The caller took too long to say what it wants.
    Slow,
    /// The body is of a kind that is not taken.
    MediaType,
    /// The body is too large.
    TooLarge,
    /// A quota that time or the bureau can refill.
    Exhausted,
    /// Try again later, in the same words: nothing was done, or the code says that the outcome is unknown.
    Busy,
    /// There is no room left to write: nothing was done; the same words again once somebody has made some.
    Full,
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
    ClockOutOfRange = "CLOCK-OUT-OF-RANGE", Busy, "The clock shows a time in which no invoice can be issued; nothing was done.";
    IdMalformed = "ID-MALFORMED", Malformed, "An id does not have the form it must have.";
    IdempotencyKeyMalformed = "IDEMPOTENCY-KEY-MALFORMED", Malformed, "The idempotency key does not have the form it must have.";

    // --- invoice (INV-...)
    InvTextEmpty = "INV-TEXT-EMPTY", Refused, "A text that was given is blank.";
    InvTextTooLong = "INV-TEXT-TOO-LONG", Refused, "A text has more characters than its field takes.";
    InvTextNotNfc = "INV-TEXT-NOT-NFC", Refused, "A text is not in Unicode normalisation form C.";
    InvTextControl = "INV-TEXT-CONTROL", Refused, "A text holds a control, line-breaking or direction-changing character.";
    InvTextPrivateUse = "INV-TEXT-PRIVATE-USE", Refused, "A text holds a private-use character or a noncharacter.";
    InvBuyerTaxpayerIdMissing = "INV-BUYER-TAXPAYER-ID-MISSING", Refused, "An organisation as buyer needs a taxpayer id.";
    InvTaxpayerIdShape = "INV-TAXPAYER-ID-SHAPE", Refused, "A taxpayer id is not 15 to 20 of 0-9 and A-Z.";
    InvUsccCharacter = "INV-USCC-CHARACTER", Refused, "An 18-character id holds a character that GB 32100 does not use.";
    InvUsccCheckDigit = "INV-USCC-CHECK-DIGIT", Refused, "The check character of a unified social credit code (GB 32100) is wrong.";
    InvUsccOrganisationCode = "INV-USCC-ORGANISATION-CODE", Refused, "The organisation code (GB 11714) inside a unified social credit code is wrong.";
    InvLinesEmpty = "INV-LINES-EMPTY", Refused, "An invoice has at least one line.";
    InvLinesTooMany = "INV-LINES-TOO-MANY", Refused, "Lines and their discount lines together are more than an invoice takes.";
    InvCategoryAsterisk = "INV-CATEGORY-ASTERISK", Refused, "A category may not hold the asterisk that sets it off in print.";
    InvClassificationShape = "INV-CLASSIFICATION-SHAPE", Refused, "A tax classification is a class 1 to 6 and nine pairs of digits, right-padded with zeros.";
    InvQuantityNotPositive = "INV-QUANTITY-NOT-POSITIVE", Refused, "A quantity is above zero.";
    InvQuantityWithoutPrice = "INV-QUANTITY-WITHOUT-PRICE", Refused, "A quantity needs a price.";
    InvPriceNotPositive = "INV-PRICE-NOT-POSITIVE", Refused, "A price is above zero.";
    InvPriceWithoutQuantity = "INV-PRICE-WITHOUT-QUANTITY", Refused, "A price needs a quantity.";
    InvDecimalMalformed = "INV-DECIMAL-MALFORMED", Malformed, "A quantity or price is not a decimal in shortest form with at most 8 fraction digits.";
    InvAmountMissing = "INV-AMOUNT-MISSING", Refused, "A line needs an amount, or a quantity and a price.";
    InvAmountNotPositive = "INV-AMOUNT-NOT-POSITIVE", Refused, "The amount of a line is above zero.";
    InvAmountTooLarge = "INV-AMOUNT-TOO-LARGE", Refused, "An amount is larger than one invoice can hold.";
    InvAmountDisagrees = "INV-AMOUNT-DISAGREES", Refused, "The amount of a line is not quantity times price, rounded half up to fen.";
    InvDiscountNotPositive = "INV-DISCOUNT-NOT-POSITIVE", Refused, "A discount is given as a number above zero.";
    InvDiscountTooLarge = "INV-DISCOUNT-TOO-LARGE", Refused, "A discount is larger than the line that it belongs to.";
    InvRateUnknown = "INV-RATE-UNKNOWN", Refused, "No such tax rate has been in force since the chain began.";
    InvRateExpired = "INV-RATE-EXPIRED", Refused, "The tax rate was no longer in force on the legal date.";
    InvRateNotYet = "INV-RATE-NOT-YET", Refused, "The tax rate was not yet in force on the legal date.";
    InvMarkNeedsZeroRate = "INV-MARK-NEEDS-ZERO-RATE", Refused, "A line that is exempt, not taxed or zero-rated has the rate 0.";
    InvTotalNotPositive = "INV-TOTAL-NOT-POSITIVE", Refused, "The tax-inclusive total of an invoice is above zero.";
    InvTotalTooLarge = "INV-TOTAL-TOO-LARGE", Refused, "The tax-inclusive total is larger than one invoice can hold.";
    InvTotalDisagrees = "INV-TOTAL-DISAGREES", Refused, "The expected total is not the sum of the lines.";
    InvCodeMalformed = "INV-CODE-MALFORMED", Malformed, "An invoice code does not have the form of a Shenzhen blockchain invoice.";
    InvNumberMalformed = "INV-NUMBER-MALFORMED", Malformed, "An invoice number is not eight digits above zero.";
    InvNumbersExhausted = "INV-NUMBERS-EXHAUSTED", Exhausted, "The nine batches of invoice numbers of this year are used up.";
    InvRulesCap = "INV-RULES-CAP", Refused, "A cap in issuing rules is below zero or above what one invoice can hold.";
    InvRulesList = "INV-RULES-LIST", Refused, "A list in issuing rules is empty, too long or names something twice.";
    InvRulesPrefix = "INV-RULES-PREFIX", Refused, "A classification prefix in issuing rules is not 1 to 19 digits that begin with a class 1 to 6.";
    InvRuleInvoiceCap = "INV-RULE-INVOICE-CAP", Refused, "The total is above the cap that the bureau has set for one invoice.";
    InvRuleRate = "INV-RULE-RATE", Refused, "The bureau does not let this merchant use the tax rate.";
    InvRuleClassification = "INV-RULE-CLASSIFICATION", Refused, "The bureau does not let this merchant use the tax classification.";
    InvRulePaymentRequired = "INV-RULE-PAYMENT-REQUIRED", Refused, "The bureau lets this merchant invoice against a recorded payment only.";
    InvRedReason = "INV-RED-REASON", Malformed, "A reason for a red letter is none of those there are.";
    InvRedNotBlue = "INV-RED-NOT-BLUE", Conflict, "A red letter can't be reversed.";
    InvRedLineUnknown = "INV-RED-LINE-UNKNOWN", Refused, "The blue invoice has no such line, or it is a discount, which goes with the line before it.";
    InvRedLineTwice = "INV-RED-LINE-TWICE", Refused, "A line is asked for twice in one red letter.";
    InvRedQuantityAndTotal = "INV-RED-QUANTITY-AND-TOTAL", Refused, "A line is taken back by quantity or by total, not by both.";
    InvRedQuantityNone = "INV-RED-QUANTITY-NONE", Refused, "A line that was sold without a quantity is taken back by total.";
    InvRedNotPositive = "INV-RED-NOT-POSITIVE", Refused, "The quantity or total to take back is given as a number above zero.";
    InvRedTooLittle = "INV-RED-TOO-LITTLE", Refused, "The quantity to take back is worth less than half a fen.";
    InvRedNothingLeft = "INV-RED-NOTHING-LEFT", Conflict, "Nothing is left of the line or of the invoice: it is reversed already.";
    InvRedQuantityTooLarge = "INV-RED-QUANTITY-TOO-LARGE", Conflict, "More is to be taken back than the quantity that is left of the line.";
    InvRedTotalTooLarge = "INV-RED-TOTAL-TOO-LARGE", Conflict, "More is to be taken back than the money that is left of the line.";
    InvRedDiffers = "INV-RED-DIFFERS", Refused, "A red draft is not what its blue invoice and what is left of it give.";
    InvStoredVersion = "INV-STORED-VERSION", Corrupt, "A stored draft has a format version that this program does not know.";
    InvStoredLineSum = "INV-STORED-LINE-SUM", Corrupt, "In a stored draft a line total is not amount plus tax.";
    InvStoredLineSplit = "INV-STORED-LINE-SPLIT", Corrupt, "In a stored draft a line is not split by the rounding rule.";
    InvStoredDiscount = "INV-STORED-DISCOUNT", Corrupt, "In a stored draft a discount line does not mirror and follow its line.";
    InvStoredRed = "INV-STORED-RED", Corrupt, "A stored red draft breaks a rule of red letters, or is none.";
    InvStoredTotals = "INV-STORED-TOTALS", Corrupt, "In a stored draft the totals are not the sums of the lines.";

    // --- chain (CHAIN-... and the verdict codes)
    ChainNotCanonical = "CHAIN-NOT-CANONICAL", Malformed, "A text is not RFC 8785 canonical JSON of the form that its document has.";
    ChainNotNfc = "CHAIN-NOT-NFC", Malformed, "A string is not in Unicode normalisation form C.";
    ChainNumberRange = "CHAIN-NUMBER-RANGE", Malformed, "A number is not an integer between -(2^53 - 1) and 2^53 - 1.";
    ChainNull = "CHAIN-NULL", Malformed, "A null stands where a field must be left out instead.";
    ChainTooDeep = "CHAIN-TOO-DEEP", Malformed, "A document is nested too deeply.";
    ChainHashMalformed = "CHAIN-HASH-MALFORMED", Malformed, "A hash is not 64 (printed: 66) lower-case hex digits.";
    ChainAddressMalformed = "CHAIN-ADDRESS-MALFORMED", Malformed, "An issuer address does not have the form it must have.";
    ChainSignatureMalformed = "CHAIN-SIGNATURE-MALFORMED", Malformed, "A signature is not lower-case hex of the right length.";
    ChainKeyMalformed = "CHAIN-KEY-MALFORMED", Malformed, "Key bytes are not a key on secp256k1.";
    ChainRosterMalformed = "CHAIN-ROSTER-MALFORMED", Malformed, "A roster breaks one of the rules for rosters.";
    ChainChangeMemberUnknown = "CHAIN-CHANGE-MEMBER-UNKNOWN", Refused, "The member that is to leave or to get another key is not in the roster.";
    ChainChangeMemberKnown = "CHAIN-CHANGE-MEMBER-KNOWN", Refused, "A member of that name is in the roster already.";
    ChainChangeKeyKnown = "CHAIN-CHANGE-KEY-KNOWN", Refused, "The key is in the roster already.";
    ChainChangePower = "CHAIN-CHANGE-POWER", Refused, "A member's power is between 1 and 2^53 - 1.";
    ChainChangeCount = "CHAIN-CHANGE-COUNT", Refused, "A roster keeps at least 1 and takes at most 64 members.";
    ChainChangeFrom = "CHAIN-CHANGE-FROM", Refused, "A new roster counts from a later height than the one that it replaces.";
    ChainChangeStatement = "CHAIN-CHANGE-STATEMENT", Refused, "The signed statement is not the one for this change of this roster.";
    ChainChangeSignatureTwice = "CHAIN-CHANGE-SIGNATURE-TWICE", Refused, "A key has signed the change of the roster twice.";
    ChainChangeSignatureStranger = "CHAIN-CHANGE-SIGNATURE-STRANGER", Refused, "A change of the roster is signed with a key that is neither in the old roster nor in the new one.";
    ChainChangeSignatureBad = "CHAIN-CHANGE-SIGNATURE-BAD", Refused, "A signature on a change of the roster is not of its key over the statement, or has a high s.";
    ChainChangeOldQuorum = "CHAIN-CHANGE-OLD-QUORUM", Refused, "The signatures hold no quorum of the roster that is to be replaced.";
    ChainChangeNewQuorum = "CHAIN-CHANGE-NEW-QUORUM", Refused, "The signatures hold no quorum of the new roster.";
    ChainChangeNewKeyUnsigned = "CHAIN-CHANGE-NEW-KEY-UNSIGNED", Refused, "A key that is new in the roster has not signed the change.";
    ChainRotationSame = "CHAIN-ROTATION-SAME", Refused, "The old and the new issuer key are the same.";
    ChainRotationSignatureBad = "CHAIN-ROTATION-SIGNATURE-BAD", Refused, "A signature on the change of an issuer key is not of the key that it must be of.";
    ChainHeaderMalformed = "CHAIN-HEADER-MALFORMED", Malformed, "A header breaks one of the rules for headers.";
    ChainSignatureBad = "CHAIN-SIGNATURE-BAD", Corrupt, "An issuer signature names no signer (high s, other v, or no such point).";
    ChainSealBad = "CHAIN-SEAL-BAD", Corrupt, "A seal does not verify under the member's key.";
    ChainHeaderBroken = "CHAIN-HEADER-BROKEN", Corrupt, "A header does not follow the header before it.";
    ChainTileBroken = "CHAIN-TILE-BROKEN", Corrupt, "A tile of the tree is missing, has the wrong length, or can't be read.";
    ChainTreeRange = "CHAIN-TREE-RANGE", Refused, "An index or size lies outside the tree.";
    VerdictReceiptMalformed = "RECEIPT_MALFORMED", Malformed, "The receipt can't be read, or is larger than a receipt can be.";
    VerdictEntryNotCanonical = "ENTRY_NOT_CANONICAL", Corrupt, "The entry's text is not canonical.";
    VerdictEntryMalformed = "ENTRY_MALFORMED", Corrupt, "The entry lacks a field that every entry has, or has it in another form.";
    VerdictHeaderNotCanonical = "HEADER_NOT_CANONICAL", Corrupt, "The header's text is not canonical.";
    VerdictHeaderMalformed = "HEADER_MALFORMED", Corrupt, "The header is not a header of this format.";
    VerdictChainMismatch = "CHAIN_MISMATCH", Corrupt, "Receipt, entry, draft and header do not name one and the same chain.";
    VerdictIndexMismatch = "INDEX_MISMATCH", Corrupt, "Receipt and entry differ in the index, or the header's tree does not reach it.";
    VerdictLeafHashMismatch = "LEAF_HASH_MISMATCH", Corrupt, "The entry is not the one whose hash was expected.";
    VerdictTimeMismatch = "TIME_MISMATCH", Corrupt, "The entry claims to be later than the header that covers it.";
    VerdictDraftMalformed = "DRAFT_MALFORMED", Corrupt, "Draft, issuer and signature do not stand together in the form they must have.";
    VerdictIssuerSignatureBad = "ISSUER_SIGNATURE_BAD", Corrupt, "The draft was not signed by the issuer that the entry names.";
    VerdictProofBad = "PROOF_BAD", Corrupt, "The inclusion proof does not lead from the entry to the header's root.";
    VerdictStateUncommitted = "STATE_UNCOMMITTED", Corrupt, "The header does not commit to present states: it is of version 1.";
    VerdictStateMalformed = "STATE_MALFORMED", Corrupt, "The present state is not one of this format, or the entry is no invoice.";
    VerdictStateLeafMismatch = "STATE_LEAF_MISMATCH", Corrupt, "The present state is not that of the entry.";
    VerdictStateProofBad = "STATE_PROOF_BAD", Corrupt, "The proof does not lead from the present state, or its absence, to the header's root of states.";
    LedgerStatesUncommitted = "LEDGER-STATES-UNCOMMITTED", Missing, "No header of this chain commits to present states yet; the next block's will.";
    VerdictRosterUnknown = "ROSTER_UNKNOWN", Corrupt, "No trusted roster is the one that the header names.";
    VerdictRosterSuperseded = "ROSTER_SUPERSEDED", Corrupt, "The roster that the header names had been replaced at the header's height.";
    VerdictSealStranger = "SEAL_STRANGER", Corrupt, "A seal is by someone who is not in the roster.";
    VerdictSealDuplicate = "SEAL_DUPLICATE", Corrupt, "A member's seal stands twice.";
    VerdictSealRoundMismatch = "SEAL_ROUND_MISMATCH", Corrupt, "The seals are not all of one round.";
    VerdictSealBad = "SEAL_BAD", Corrupt, "A seal does not verify under its member's key.";
    VerdictSealsBelowQuorum = "SEALS_BELOW_QUORUM", Corrupt, "The seals hold two thirds of the voting power or less.";
    VerdictReceiptMissing = "RECEIPT_MISSING", Corrupt, "A PDF carries no receipt.";
    VerdictFaceDiffers = "FACE_DIFFERS", Corrupt, "A PDF's pages say something else than the receipt that it carries.";
    VerdictFaceUnreadable = "FACE_UNREADABLE", Corrupt, "A PDF's pages are made so that they can't be compared with the receipt that it carries.";
    EquivocationProven = "EQUIVOCATION_PROVEN", Corrupt, "Two sealed headers that can't both be true: the members that sealed both have broken their word.";
    EvidenceUnproven = "EVIDENCE_UNPROVEN", Corrupt, "Two sealed headers, and no proof that the one continues the other; they do not contradict each other by themselves.";
    EvidenceBad = "EVIDENCE_BAD", Corrupt, "An evidence file does not show what it says.";

    // --- ledger (LEDGER-...)
    LedgerEntryMalformed = "LEDGER-ENTRY-MALFORMED", Corrupt, "An entry does not have the form of its kind.";
    LedgerIssuerSignatureBad = "LEDGER-ISSUER-SIGNATURE-BAD", Refused, "The issuer's signature is not the merchant's over this draft.";
    LedgerChainMismatch = "LEDGER-CHAIN-MISMATCH", Refused, "The document belongs to another chain.";
    LedgerKeyReused = "LEDGER-KEY-REUSED", Refused, "The idempotency key was used before with another request.";
    LedgerMerchantUnknown = "LEDGER-MERCHANT-UNKNOWN", Missing, "No such merchant is registered.";
    LedgerMerchantExists = "LEDGER-MERCHANT-EXISTS", Conflict, "A merchant with this taxpayer id or payment number is registered already.";
    LedgerMchidMalformed = "LEDGER-MCHID-MALFORMED", Refused, "A WeChat Pay merchant number is 1 to 32 digits.";
    LedgerSellerChanged = "LEDGER-SELLER-CHANGED", Conflict, "The draft's seller or issuer is not the registered one any more.";
    LedgerPaymentUnknown = "LEDGER-PAYMENT-UNKNOWN", Refused, "No such payment of this merchant is recorded.";
    LedgerPaymentDiffers = "LEDGER-PAYMENT-DIFFERS", Conflict, "The transaction is recorded already with other contents.";
    LedgerPaymentOverdrawn = "LEDGER-PAYMENT-OVERDRAWN", Conflict, "The invoice is larger than what is left of the payment.";
    LedgerRefundDiffers = "LEDGER-REFUND-DIFFERS", Conflict, "The refund is recorded already with other contents.";
    LedgerRefundTooLarge = "LEDGER-REFUND-TOO-LARGE", Conflict, "Refunds would exceed what was paid.";
    LedgerOwnKeyOnPayment = "LEDGER-OWN-KEY-ON-PAYMENT", Refused, "A merchant that keeps its own key signs each invoice itself, so none can come by itself on payment.";
    LedgerKeyReserved = "LEDGER-KEY-RESERVED", Refused, "Idempotency keys that begin with on-payment: or on-close: are the service's own.";
    LedgerOrderDiffers = "LEDGER-ORDER-DIFFERS", Conflict, "Another order of this merchant is there under this number.";
    LedgerAmountRange = "LEDGER-AMOUNT-RANGE", Refused, "An amount is outside 1 fen to 10^13 fen.";
    LedgerMonthlyCap = "LEDGER-MONTHLY-CAP", Exhausted, "The merchant's monthly cap is used up.";
    LedgerNotRed = "LEDGER-NOT-RED", Refused, "A reversal needs a red draft.";
    LedgerNotBlue = "LEDGER-NOT-BLUE", Refused, "A red draft or a red invoice stands where a blue one must.";
    LedgerInvoiceUnknown = "LEDGER-INVOICE-UNKNOWN", Missing, "No such invoice was issued.";
    LedgerRedDiffers = "LEDGER-RED-DIFFERS", Conflict, "The red draft is not what the rule gives for what is left of the invoice now.";
    LedgerReversedTooMuch = "LEDGER-REVERSED-TOO-MUCH", Conflict, "More would be taken back of an invoice than there was.";
    LedgerAgreementNeeded = "LEDGER-AGREEMENT-NEEDED", Conflict, "Somebody holds the invoice and must agree to the red letter on a confirmation sheet first.";
    LedgerLifeState = "LEDGER-LIFE-STATE", Conflict, "The invoice is in a state in which this can't happen.";
    LedgerFenceStale = "LEDGER-FENCE-STALE", Conflict, "The fence is not that of the present hold: it has ended, or is another's by now.";
    LedgerHolderOther = "LEDGER-HOLDER-OTHER", Conflict, "The invoice is not this holder's.";
    LedgerHolderSame = "LEDGER-HOLDER-SAME", Refused, "The new holder is the old one.";
    LedgerLeaseEnded = "LEDGER-LEASE-ENDED", Conflict, "The lease of the lock has ended.";
    LedgerLeaseRange = "LEDGER-LEASE-RANGE", Refused, "A lease is one minute to 365 days.";
    LedgerBatch = "LEDGER-BATCH", Refused, "A batch is 1 to 100 invoices, each once.";
    LedgerPledgePaid = "LEDGER-PLEDGE-PAID", Conflict, "An invoice that draws on a payment can't be pledged: nothing is owed on it.";
    LedgerClaimed = "LEDGER-CLAIMED", Conflict, "The invoice has been claimed already.";
    LedgerClaimToken = "LEDGER-CLAIM-TOKEN", Forbidden, "The claim token is not the one for this invoice.";
    LedgerConfirmationUnknown = "LEDGER-CONFIRMATION-UNKNOWN", Missing, "There is no such confirmation sheet.";
    LedgerConfirmationOpen = "LEDGER-CONFIRMATION-OPEN", Conflict, "Another confirmation sheet is open for the invoice.";
    LedgerConfirmationState = "LEDGER-CONFIRMATION-STATE", Conflict, "The confirmation sheet is in a state in which this can't happen.";
    LedgerMerchantSuspended = "LEDGER-MERCHANT-SUSPENDED", Conflict, "The bureau has suspended the merchant.";
    LedgerStanding = "LEDGER-STANDING", Conflict, "The merchant is suspended already, or is not suspended.";
    LedgerReasonLength = "LEDGER-REASON-LENGTH", Refused, "A reason is 1 to 200 characters on one line.";
    LedgerIssuerUsed = "LEDGER-ISSUER-USED", Conflict, "The issuer key serves or has served a merchant already.";
    LedgerIssuerOther = "LEDGER-ISSUER-OTHER", Conflict, "The key is not the merchant's present issuer key.";
    LedgerIssuerRevoked = "LEDGER-ISSUER-REVOKED", Conflict, "The merchant's issuer key is revoked.";
    LedgerHeightPast = "LEDGER-HEIGHT-PAST", Conflict, "The height is past, or not the next one.";
    LedgerRosterUnknown = "LEDGER-ROSTER-UNKNOWN", Internal, "The chain has no roster yet.";
    LedgerRosterOther = "LEDGER-ROSTER-OTHER", Conflict, "The roster is not what the change makes of the last one.";
    LedgerNotRestored = "LEDGER-NOT-RESTORED", Conflict, "The ledger ends with the very block that is remembered: nothing is lost.";
    LedgerDayNotOver = "LEDGER-DAY-NOT-OVER", Refused, "A legal date can be closed once it is over.";
    LedgerDayClosed = "LEDGER-DAY-CLOSED", Conflict, "The day is closed already.";
    LedgerMonthlyCount = "LEDGER-MONTHLY-COUNT", Exhausted, "The merchant's invoices of the month are used up.";
    LedgerNumbersUsedUp = "LEDGER-NUMBERS-USED-UP", Exhausted, "The number series is used up.";
    AuditRosterBad = "AUDIT-ROSTER-BAD", Corrupt, "A stored roster is malformed, untrusted or not the one sealed.";
    AuditBlockBad = "AUDIT-BLOCK-BAD", Corrupt, "A block row differs from its header or does not follow the one before.";
    AuditSealBad = "AUDIT-SEAL-BAD", Corrupt, "A seal does not verify or the quorum is missing.";
    AuditEntryBad = "AUDIT-ENTRY-BAD", Corrupt, "An entry row is malformed, missing or out of place.";
    AuditLeafDiffers = "AUDIT-LEAF-DIFFERS", Corrupt, "LEAF_HASH_MISMATCH: the stored leaf hash is not the hash of the entry's text.";
    AuditRootDiffers = "AUDIT-ROOT-DIFFERS", Corrupt, "The entries do not give the sealed root.";
    AuditReplayDiffers = "AUDIT-REPLAY-DIFFERS", Corrupt, "Executing the entry's command again does not give the entry.";
    AuditCheckpointDiffers = "AUDIT-CHECKPOINT-DIFFERS", Corrupt, "The ledger does not hold the block that is remembered: its end was cut off, or its past sealed anew.";
    AuditStateDiffers = "AUDIT-STATE-DIFFERS", Corrupt, "The entries do not give the present states that a header commits to.";
    AuditStreamBad = "AUDIT-STREAM-BAD", Corrupt, "A line of a ledger stream is not what must stand there.";
    AuditTileDiffers = "AUDIT-TILE-DIFFERS", Corrupt, "A stored tile differs from what the entries give.";
    AuditProjectionDiffers = "AUDIT-PROJECTION-DIFFERS", Corrupt, "A projection row differs from what the entries give.";

    // --- store (STORE-...)
    StoreBusy = "STORE-BUSY", Busy, "The database is busy; nothing was done.";
    StoreUnreachable = "STORE-UNREACHABLE", Busy, "The database can't be reached; try again after the time named in Retry-After.";
    StoreFull = "STORE-FULL", Full, "The disk of the database is full; nothing was done; try again after the time named in Retry-After.";
    StoreFailing = "STORE-FAILING", Internal, "The disk of the database has failed to write; the service stops, and what is durable is known once it runs again.";
    StoreFailed = "STORE-FAILED", Internal, "The database failed; nothing was done.";
    StoreCorrupt = "STORE-CORRUPT", Corrupt, "Stored bytes are not what this program writes; run an audit.";
    StoreUrl = "STORE-URL", Malformed, "The database URL can't be used.";
    StoreUnmigrated = "STORE-UNMIGRATED", Internal, "The database schema is not up to date.";
    StoreHalfCopied = "STORE-HALF-COPIED", Internal, "The database holds a half-made copy of a ledger; nothing may use it.";
    StoreNotEmpty = "STORE-NOT-EMPTY", Conflict, "A ledger can be copied into an empty database only.";
    StoreNoLedger = "STORE-NO-LEDGER", Missing, "The database holds no ledger that could be copied.";
    StoreNewer = "STORE-NEWER", Internal, "The database was written by a newer version of this program.";

    // --- parties (WECHAT-..., CUSTODY-..., BUREAU-...)
    WechatHeaderMissing = "WECHAT-HEADER-MISSING", Unauthenticated, "A payment notice lacks one of the headers that carry its signature.";
    WechatTimestampBad = "WECHAT-TIMESTAMP-BAD", Unauthenticated, "A payment notice's timestamp is no number or lies outside the window of five minutes.";
    WechatSerialUnknown = "WECHAT-SERIAL-UNKNOWN", Unauthenticated, "A payment notice is signed with a platform key that is not configured.";
    WechatSignatureProbe = "WECHAT-SIGNATURE-PROBE", Unauthenticated, "The notice is WeChat Pay's own probe with a wrong signature, refused as it must be.";
    WechatSignatureBad = "WECHAT-SIGNATURE-BAD", Unauthenticated, "A payment notice's signature does not fit its timestamp, nonce and body.";
    WechatEnvelopeMalformed = "WECHAT-ENVELOPE-MALFORMED", Malformed, "A payment notice's envelope does not have the form it must have.";
    WechatAlgorithmUnknown = "WECHAT-ALGORITHM-UNKNOWN", Malformed, "A payment notice's resource is encrypted with an algorithm that is not spoken here.";
    WechatDecryptFailed = "WECHAT-DECRYPT-FAILED", Unauthenticated, "A payment notice's resource can't be decrypted with the API v3 key.";
    WechatResourceMalformed = "WECHAT-RESOURCE-MALFORMED", Malformed, "A payment notice's resource does not have the form it must have.";
    WechatCurrencyUnknown = "WECHAT-CURRENCY-UNKNOWN", Refused, "A payment was made in a currency other than CNY.";
    WechatStateUnexpected = "WECHAT-STATE-UNEXPECTED", Refused, "A notice of success speaks of a payment or refund that did not succeed.";
    WechatMerchantUnknown = "WECHAT-MERCHANT-UNKNOWN", Refused, "A payment notice names a merchant number that no merchant is registered under.";
    WechatKeyUnusable = "WECHAT-KEY-UNUSABLE", Internal, "A configured WeChat Pay key can't be read.";
    WechatNoticeUndelivered = "WECHAT-NOTICE-UNDELIVERED", Busy, "The sandbox's notice was not accepted within the retry plan.";
    WalletCardConflict = "WALLET-CARD-CONFLICT", Conflict, "Another card is in the wallet under the same invoice id.";
    CustodyKeyUnusable = "CUSTODY-KEY-UNUSABLE", Internal, "The custody master key can't be used.";
    CustodyAddressMalformed = "CUSTODY-ADDRESS-MALFORMED", Malformed, "An issuer address is not 40 lower-case hex characters.";
    CustodyVersionUnknown = "CUSTODY-VERSION-UNKNOWN", Corrupt, "A sealed issuer key has a version that is not known here.";
    CustodySealBroken = "CUSTODY-SEAL-BROKEN", Corrupt, "A sealed issuer key is damaged, or was sealed for another merchant, chain, address or master key.";
    BillOrderMalformed = "BILL-ORDER-MALFORMED", Malformed, "An order can't be read: unknown field, wrong type, or no lines.";
    BillTotalMismatch = "BILL-TOTAL-MISMATCH", Refused, "The total of an order is not what was paid for it.";
    ErpRequestMalformed = "ERP-REQUEST-MALFORMED", Malformed, "An ERP request does not have the form of the open API envelope.";
    ErpInterfaceUnknown = "ERP-INTERFACE-UNKNOWN", Malformed, "An ERP request names an interface that is not spoken here.";
    ErpBillConflict = "ERP-BILL-CONFLICT", Conflict, "Another bill is in the ERP under the same number.";
    ErpInvoiceMissing = "ERP-INVOICE-MISSING", Missing, "The ERP knows no such invoice.";
    BureauRulesMalformed = "BUREAU-RULES-MALFORMED", Malformed, "The bureau's issuing rules do not have the form they must have.";
    DemoFixtureMalformed = "DEMO-FIXTURE-MALFORMED", Malformed, "A sandbox fixture does not have the form it must have.";

    // --- render (RENDER-...)
    RenderCharacterWithoutGlyph = "RENDER-CHARACTER-WITHOUT-GLYPH", Refused, "No typeface of the face has a character; it is printed as a box. A warning, never a refusal.";
    RenderFont = "RENDER-FONT", Internal, "A font that is built into the program is damaged.";
    RenderLayout = "RENDER-LAYOUT", Internal, "A layout that is built into the program is damaged or does not fit its page.";
    RenderLinesTooMany = "RENDER-LINES-TOO-MANY", Refused, "An invoice to print has more lines than an invoice can have.";
    RenderQrTooLong = "RENDER-QR-TOO-LONG", Refused, "A text does not fit into a QR code.";
    RenderPngSize = "RENDER-PNG-SIZE", Refused, "The asked size of a QR image is out of range.";
    RenderPdf = "RENDER-PDF", Internal, "The PDF could not be put together.";
    RenderSigner = "RENDER-SIGNER", Malformed, "The key or the certificate that documents are to be signed with can't be used.";
    RenderNoInvoice = "RENDER-NO-INVOICE", Refused, "A receipt is to be drawn whose entry issued no invoice.";
    RenderNoPage = "RENDER-NO-PAGE", Missing, "A document has fewer pages than the one that is asked for.";
    RenderOfd = "RENDER-OFD", Internal, "The OFD file could not be put together.";
    RenderXml = "RENDER-XML", Internal, "An XML document could not be put together.";
    RenderPage = "RENDER-PAGE", Internal, "A web page could not be filled in.";

    // --- export (EXPORT-...)
    ExportTooLarge = "EXPORT-TOO-LARGE", Internal, "What is to be packed is larger than a ZIP archive can be.";

    // --- sequencer and http (HTTP-..., SEQ-...)
    SeqBusy = "SEQ-BUSY", Busy, "The queue is full; nothing was done; try again after the time named in Retry-After.";
    SeqStopped = "SEQ-STOPPED", Busy, "The sequencer has stopped; nothing was done.";
    SeqSealKeysMissing = "SEQ-SEAL-KEYS-MISSING", Busy, "The seal keys at hand hold no quorum of the roster in force; nothing was done.";
    SeqNotLeading = "SEQ-NOT-LEADING", Busy, "Another process leads and can't be reached now, or leadership is changing hands; nothing was done.";
    SeqClockBehind = "SEQ-CLOCK-BEHIND", Busy, "The clock is far behind the newest block; nothing was done; commands are taken again once it is right.";
    SeqClockAhead = "SEQ-CLOCK-AHEAD", Busy, "The clock is further ahead than time has passed; nothing was done; commands are taken again once it is right.";
    SeqMemory = "SEQ-MEMORY", Busy, "The memory of the chain's end outside the database can't be read or written; nothing was done.";
    SeqRestored = "SEQ-RESTORED", Busy, "The database is not the one that was written last, but an older backup or another history; nothing was done.";
    NotifyTimeout = "NOTIFY-TIMEOUT", Busy, "A recipient of the outbox did not answer in time; it is tried again.";
    SeqOutcomeUnknown = "SEQ-OUTCOME-UNKNOWN", Busy, "Whether the command was recorded is not known yet; ask again with the same idempotency key.";
    HttpJsonMalformed = "HTTP-JSON-MALFORMED", Malformed, "The body is not JSON.";
    HttpShapeWrong = "HTTP-SHAPE-WRONG", Malformed, "The body is JSON, but a field is unknown, missing or of the wrong type.";
    HttpBodyTooLarge = "HTTP-BODY-TOO-LARGE", TooLarge, "The body is larger than this endpoint takes.";
    HttpBodySlow = "HTTP-BODY-SLOW", Slow, "The body did not come in time; nothing was done.";
    HttpMediaType = "HTTP-MEDIA-TYPE", MediaType, "The body must be application/json.";
    HttpQueryMalformed = "HTTP-QUERY-MALFORMED", Malformed, "A query or path parameter is unknown, missing or of the wrong form.";
    HttpKeyMissing = "HTTP-KEY-MISSING", Unauthenticated, "An API key is needed: Authorization: Bearer KEY.";
    HttpKeyBad = "HTTP-KEY-BAD", Unauthenticated, "The API key is unknown or revoked.";
    HttpRoleForbidden = "HTTP-ROLE-FORBIDDEN", Forbidden, "The API key's role does not allow this.";
    HttpIdempotencyKeyMissing = "HTTP-IDEMPOTENCY-KEY-MISSING", Malformed, "The Idempotency-Key header is needed here.";
    HttpNotFound = "HTTP-NOT-FOUND", Missing, "No such thing, or none that this API key may see.";
    HttpMethodNotAllowed = "HTTP-METHOD-NOT-ALLOWED", Method, "This path does not take this method; see the Allow header and /docs.";
    VerifyTooMany = "VERIFY-TOO-MANY", Exhausted, "Too many wrong totals were tried for this invoice; try again tomorrow.";
    HttpNoticeDisabled = "HTTP-NOTICE-DISABLED", Missing, "No payment partner is configured to send notices here.";

    // --- config and cli (CONFIG-..., CLI-...)
    ConfigInvalid = "CONFIG-INVALID", Malformed, "A configuration key is unknown, missing or of the wrong type.";
    ConfigFile = "CONFIG-FILE", Malformed, "A file that the configuration names can't be used.";
    CliUsage = "CLI-USAGE", Malformed, "The options of the command do not go together.";
    CliUrl = "CLI-URL", Malformed, "The URL of the service can't be used.";
    CliUnreachable = "CLI-UNREACHABLE", Busy, "The service can't be reached.";
    CliRefused = "CLI-REFUSED", Refused, "The service refused the request.";
    CliFile = "CLI-FILE", Malformed, "A file can't be read or written.";

    // --- monitor (MONITOR-...): what is suspicious, and no evidence yet
    MonitorMemory = "MONITOR-MEMORY", Malformed, "The monitor's memory is not as it was written, or is of another chain; nothing was watched.";
    MonitorAnswer = "MONITOR-ANSWER", Corrupt, "A server's answer does not have the form that it must have.";
    MonitorRefused = "MONITOR-REFUSED", Corrupt, "A server refuses what it must show to anyone.";
    MonitorUnsealed = "MONITOR-UNSEALED", Corrupt, "A server shows a header that no quorum of the roster in force has sealed.";
    MonitorRoster = "MONITOR-ROSTER", Corrupt, "A server names a roster that no sealed header before it vouches for.";
    MonitorRollback = "MONITOR-ROLLBACK", Corrupt, "A server shows an older checkpoint than it has shown before.";
    MonitorUnproven = "MONITOR-UNPROVEN", Corrupt, "A server does not prove that its tree continues the one that was seen before.";
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
            assert!(
                text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-' || b == b'_'),
                "{text}"
            );
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
