//! Red letters (domain.md 1.13): what a blue invoice's lines were at first, what a caller asks to take back of what is left of
//! them, and the red draft that this gives. One rule, a pure function of the blue draft, the remainder and what was asked: whoever
//! has these three makes the same red draft to the byte.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::check::line_count_into;
use super::checked::{Checked, CheckedLine, Document, RED_VERSION};
use super::draft::never_null;
use super::findings::Findings;
use super::money::{Fen, Quantity, Rounding, TaxRate, round_half_up};
use super::number::{InvoiceCode, InvoiceId, InvoiceNumber};
use super::tax::{Pricing, Split};
use crate::base::limits::LINES_PER_INVOICE_MAX;
use crate::base::{Code, Fault, Faults};

/// Why an invoice is reversed: the reasons of WeChat's reversal and of the red confirmation sheet (domain.md 1.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Reason {
    /// `ISSUE_ERROR` 开票有误.
    IssueError,
    /// `SALES_RETURN` 销货退回.
    SalesReturn,
    /// `SERVICE_SUSPENTION` 服务中止, spelled as WeChat spells it; `SERVICE_SUSPENSION` is read too and never written.
    ServiceSuspention,
    /// `SALES_DISCOUNT` 销售折让.
    SalesDiscount,
}

impl Reason {
    /// The reason on the wire and in a red draft.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::IssueError => "ISSUE_ERROR",
            Reason::SalesReturn => "SALES_RETURN",
            Reason::ServiceSuspention => "SERVICE_SUSPENTION",
            Reason::SalesDiscount => "SALES_DISCOUNT",
        }
    }
}

impl From<Reason> for &'static str {
    fn from(reason: Reason) -> Self {
        reason.as_str()
    }
}

impl TryFrom<&str> for Reason {
    type Error = Fault;

    fn try_from(text: &str) -> Result<Self, Fault> {
        match text {
            "ISSUE_ERROR" => Ok(Reason::IssueError),
            "SALES_RETURN" => Ok(Reason::SalesReturn),
            "SERVICE_SUSPENTION" | "SERVICE_SUSPENSION" => Ok(Reason::ServiceSuspention),
            "SALES_DISCOUNT" => Ok(Reason::SalesDiscount),
            _ => Err(Fault::new(
                Code::InvRedReason,
                "",
                "a reason is ISSUE_ERROR, SALES_RETURN, SERVICE_SUSPENTION or SALES_DISCOUNT",
            )),
        }
    }
}

impl TryFrom<String> for Reason {
    type Error = Fault;

    fn try_from(text: String) -> Result<Self, Fault> {
        Self::try_from(text.as_str())
    }
}

/// What makes a draft a red one: the blue invoice that it reverses, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Red {
    /// 发票代码 of the blue invoice.
    pub code: InvoiceCode,
    /// 发票号码 of the blue invoice.
    pub number: InvoiceNumber,
    /// Why.
    pub reason: Reason,
}

impl Red {
    /// The blue invoice.
    pub fn of(&self) -> InvoiceId {
        InvoiceId { code: self.code, number: self.number }
    }

    /// The remark that stands on the red letter's face (domain.md 1.13), and nothing else with it. That of a fully digital invoice names
    /// its number of 20 digits; it has no code.
    pub fn remark(&self) -> String {
        match self.code.document() {
            Document::BlockchainOrdinary => format!("对应正数发票代码:{}号码:{}", self.code, self.number),
            Document::FullyDigital => format!("被红冲蓝字数电票号码:{}", self.of().printed_number()),
        }
    }
}

/// What one line of a blue invoice was at first, what is left of it, or what a red letter takes of it; its discount netted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineShare {
    /// Its position among all lines of the blue draft, discounts counted, from 0.
    pub line: u32,
    /// Its tax rate.
    pub rate: TaxRate,
    /// How many, not below zero; none when the line has no quantity, and when a red letter takes money only.
    pub quantity: Option<Quantity>,
    /// Without tax, not below zero.
    pub amount: Fen,
    /// The tax, not below zero.
    pub tax: Fen,
    /// With tax: always `amount + tax`.
    pub total: Fen,
}

/// What a caller asks to take back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReversalAsked {
    /// Why.
    pub reason: Reason,
    /// Of which lines, in any order; empty, or left out on the wire: everything that is left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<LineAsked>,
}

/// What a caller asks to take back of one line: all that is left of it, or a quantity, or a total, never both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineAsked {
    /// Position of the line among all lines of the blue draft, discounts counted, from 0.
    pub line: u32,
    /// How many, above zero.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// How much, with tax, above zero.
    #[serde(default, deserialize_with = "never_null", skip_serializing_if = "Option::is_none")]
    pub total: Option<Fen>,
}

impl Checked {
    /// What the lines of a blue draft are, each with its discount netted, in the order of the draft: what can be reversed. Nothing is
    /// below zero in a draft that holds, since no rounding makes a discount larger than its line. A line that its discount takes off
    /// whole is among them with a total of zero.
    ///
    /// # Errors
    /// [`Code::InvRedNotBlue`] for a red draft; [`Code::InvStoredDiscount`] and [`Code::InvAmountTooLarge`] for one that
    /// [`Checked::recheck`] refuses.
    pub fn shares(&self) -> Result<Vec<LineShare>, Faults> {
        if self.red.is_some() {
            return Err(Fault::new(Code::InvRedNotBlue, "", "a red letter can't be reversed").into());
        }
        let mut shares: Vec<LineShare> = Vec::with_capacity(self.lines.len());
        for (position, line) in (0_u32..).zip(&self.lines) {
            if !line.is_discount() {
                let Split { amount, tax, total } = line.split();
                shares.push(LineShare { line: position, rate: line.rate, quantity: line.quantity, amount, tax, total });
                continue;
            }
            let Some(sold) = shares.last_mut() else {
                return Err(Fault::new(Code::InvStoredDiscount, "lines[0]", "a discount follows its line").into());
            };
            sold.amount = sold.amount.checked_add(line.amount)?;
            sold.tax = sold.tax.checked_add(line.tax)?;
            sold.total = sold.total.checked_add(line.total)?;
        }
        Ok(shares)
    }

    /// The red draft that takes back of this blue one what is asked, out of what is `left` of it: negative quantities, amounts,
    /// taxes and totals, no prices, the parties, payment and signatories of the blue one.
    ///
    /// `left` is what [`Checked::shares`] gave, less what [`Checked::taken`] gave of each red letter so far, ascending; a line that
    /// is not in it has nothing left.
    ///
    /// The rule of a line with `(a, x)` left, ex tax and tax: taking all takes `(a, x)`. Taking a part of total `t` takes
    /// `half up(t / (1 + rate))` ex tax, but at most `a` and at least `t - x`, and the rest of `t` as tax. A quantity `q` is worth
    /// `half up(first total x q / first quantity)`; all the quantity that is left takes all the money that is left.
    ///
    /// # Errors
    /// All faults at once, their paths in `asked`; [`Code::InvRedNotBlue`]; [`Code::Internal`] when `left` is not of this draft.
    pub fn reverse(&self, of: InvoiceId, left: &[LineShare], asked: &ReversalAsked) -> Result<Checked, Faults> {
        let remainders = self.remainders(left)?;
        let lines = taken_of(&remainders, asked)?;
        let red = Red { code: of.code, number: of.number, reason: asked.reason };
        Ok(Checked {
            v: RED_VERSION,
            chain: self.chain.clone(),
            document: self.document,
            merchant: self.merchant.clone(),
            seller: self.seller.clone(),
            buyer: self.buyer.clone(),
            payment: self.payment.clone(),
            pricing: self.pricing,
            amount: Fen::sum(lines.iter().map(|line| line.amount))?,
            tax: Fen::sum(lines.iter().map(|line| line.tax))?,
            total: Fen::sum(lines.iter().map(|line| line.total))?,
            lines,
            remark: Some(red.remark()),
            payee: self.payee.clone(),
            reviewer: self.reviewer.clone(),
            drawer: self.drawer.clone(),
            red: Some(red),
        })
    }

    /// What a red draft takes of each line of its blue one, not below zero, ascending.
    ///
    /// # Errors
    /// [`Code::InvStoredRed`] for a blue draft, and for a red one that [`Checked::recheck`] refuses.
    pub fn taken(&self) -> Result<Vec<LineShare>, Faults> {
        self.red_or_refuse()?;
        let share = |line: &CheckedLine| {
            Ok(LineShare {
                line: line.blue_line_or_refuse()?,
                rate: line.rate,
                quantity: line.quantity.map(Quantity::negated),
                amount: line.amount.negated(),
                tax: line.tax.negated(),
                total: line.total.negated(),
            })
        };
        self.lines.iter().map(share).collect()
    }

    /// What would have to be asked to get this red draft: its lines by quantity where they have one, else by total.
    ///
    /// # Errors
    /// As [`Checked::taken`].
    pub fn asked(&self) -> Result<ReversalAsked, Faults> {
        let reason = self.red_or_refuse()?.reason;
        let asked = |share: LineShare| LineAsked {
            line: share.line,
            quantity: share.quantity,
            total: if share.quantity.is_none() { Some(share.total) } else { None },
        };
        Ok(ReversalAsked { reason, lines: self.taken()?.into_iter().map(asked).collect() })
    }

    /// Proves that this red draft is exactly what the rule gives for `blue` and what is `left` of it: every figure and every word.
    /// That `blue` is the draft of the invoice that [`Checked::red`] names is the caller's to look up.
    ///
    /// # Errors
    /// As [`Checked::reverse`], the paths in this draft; [`Code::InvRedDiffers`] when the rule gives another draft.
    pub fn recheck_against(&self, blue: &Checked, left: &[LineShare]) -> Result<(), Faults> {
        let of = self.red_or_refuse()?.of();
        let ruled = blue.reverse(of, left, &self.asked()?)?;
        if ruled == *self {
            return Ok(());
        }
        let message = "the red letter is not what its blue invoice and what is left of it give";
        Err(Fault::new(Code::InvRedDiffers, "", message).into())
    }

    fn red_or_refuse(&self) -> Result<&Red, Fault> {
        self.red.as_ref().ok_or_else(|| Fault::new(Code::InvStoredRed, "red", "this is no red letter"))
    }

    /// The reversible lines with what they were and what is left of them. Refuses a `left` that can't be of this draft: taking from it
    /// would give money back that was never invoiced.
    fn remainders(&self, left: &[LineShare]) -> Result<Vec<Remainder<'_>>, Faults> {
        let mut left = left.iter().peekable();
        let sold = self.lines.iter().filter(|line| !line.is_discount());
        let mut remainders = Vec::with_capacity(left.len());
        for (sold, first) in sold.zip(self.shares()?) {
            let nothing = LineShare {
                quantity: first.quantity.map(|_| Quantity::ZERO),
                amount: Fen::ZERO,
                tax: Fen::ZERO,
                total: Fen::ZERO,
                ..first
            };
            let left = left.next_if(|left| left.line == first.line).copied().unwrap_or(nothing);
            remainders.push(Remainder { sold, first, left });
        }
        if left.next().is_none() && remainders.iter().all(Remainder::holds) {
            return Ok(remainders);
        }
        Err(Fault::new(Code::Internal, "", "what is said to be left is not left of this invoice").into())
    }
}

impl CheckedLine {
    fn blue_line_or_refuse(&self) -> Result<u32, Fault> {
        self.blue_line
            .ok_or_else(|| Fault::new(Code::InvStoredRed, "lines", "a line does not say which one it reverses"))
    }

    /// The line of a red letter that takes `taken` of this one.
    fn reversed(&self, taken: &LineShare) -> Self {
        Self {
            quantity: taken.quantity.map(Quantity::negated),
            price: None,
            kind: None,
            amount: taken.amount.negated(),
            tax: taken.tax.negated(),
            total: taken.total.negated(),
            blue_line: Some(taken.line),
            ..self.clone()
        }
    }
}

/// The lines of the red letter, ascending by the line that each reverses.
fn taken_of(remainders: &[Remainder<'_>], asked: &ReversalAsked) -> Result<Vec<CheckedLine>, Faults> {
    if asked.lines.is_empty() {
        let rest = remainders.iter().filter(|line| line.left.total.is_positive());
        let lines: Vec<CheckedLine> = rest.map(|line| line.sold.reversed(&line.all())).collect();
        if lines.is_empty() {
            return Err(nothing_left("", "nothing is left of the invoice").into());
        }
        return Ok(lines);
    }
    let mut found = Findings::default();
    line_count_into(asked.lines.len(), false, &mut found);
    let (mut seen, mut lines) = (BTreeSet::new(), Vec::with_capacity(asked.lines.len().min(LINES_PER_INVOICE_MAX)));
    for (index, asked) in asked.lines.iter().take(LINES_PER_INVOICE_MAX).enumerate() {
        let taken = if seen.insert(asked.line) {
            take(remainders, asked)
        } else {
            Err(Fault::new(Code::InvRedLineTwice, "line", format!("line {} is asked for twice", asked.line)))
        };
        match taken {
            Ok(line) => lines.push(line),
            Err(fault) => found.fault(fault.under(&format!("lines[{index}]"))),
        }
    }
    found.into_result()?;
    lines.sort_by_key(|line| line.blue_line);
    Ok(lines)
}

fn take(remainders: &[Remainder<'_>], asked: &LineAsked) -> Result<CheckedLine, Fault> {
    let known = remainders.binary_search_by_key(&asked.line, |line| line.first.line).ok();
    let Some(line) = known.and_then(|at| remainders.get(at)) else {
        let message = format!("the blue invoice has no line {} that could be reversed by itself", asked.line);
        return Err(Fault::new(Code::InvRedLineUnknown, "line", message));
    };
    Ok(line.sold.reversed(&line.take(asked)?))
}

/// A reversible line of a blue invoice.
struct Remainder<'a> {
    /// As it was sold, before its discount.
    sold: &'a CheckedLine,
    /// What it was at first.
    first: LineShare,
    /// What is left of it.
    left: LineShare,
}

impl Remainder<'_> {
    /// Whether what is left can be left of what was there.
    fn holds(&self) -> bool {
        let (first, left) = (&self.first, &self.left);
        let within = |left: Fen, first: Fen| (Fen::ZERO..=first).contains(&left);
        let quantity = match (left.quantity, first.quantity) {
            (Some(left), Some(first)) => (Quantity::ZERO..=first).contains(&left),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        quantity
            && left.rate == first.rate
            && within(left.amount, first.amount)
            && within(left.tax, first.tax)
            && left.amount.checked_add(left.tax).ok() == Some(left.total)
    }

    fn take(&self, asked: &LineAsked) -> Result<LineShare, Fault> {
        let not_positive = |path| Fault::new(Code::InvRedNotPositive, path, "what is taken back is given above zero");
        match (asked.quantity, asked.total) {
            (Some(_), Some(_)) => {
                Err(Fault::new(Code::InvRedQuantityAndTotal, "", "give a quantity or a total, not both"))
            }
            (Some(quantity), None) if !quantity.is_positive() => Err(not_positive("quantity")),
            (None, Some(total)) if !total.is_positive() => Err(not_positive("total")),
            (Some(_), None) if self.left.quantity.is_none() => {
                Err(Fault::new(Code::InvRedQuantityNone, "quantity", "the line was sold without a quantity"))
            }
            _ if !self.left.total.is_positive() => Err(nothing_left("line", "nothing is left of the line")),
            (None, None) => Ok(self.all()),
            (Some(quantity), None) => self.by_quantity(quantity),
            (None, Some(total)) if total > self.left.total => {
                let message = format!("{} fen are left of the line", self.left.total.get());
                Err(Fault::new(Code::InvRedTotalTooLarge, "total", message))
            }
            (None, Some(total)) => self.part(total, None),
        }
    }

    /// All that is left; its quantity too, where there is some left.
    fn all(&self) -> LineShare {
        LineShare { quantity: self.left.quantity.filter(|left| left.is_positive()), ..self.left }
    }

    fn by_quantity(&self, quantity: Quantity) -> Result<LineShare, Fault> {
        let (left, first) =
            (self.left.quantity.unwrap_or(Quantity::ZERO), self.first.quantity.unwrap_or(Quantity::ZERO));
        if quantity > left {
            let message = format!("a quantity of {left} is left of the line");
            return Err(Fault::new(Code::InvRedQuantityTooLarge, "quantity", message));
        }
        if quantity == left {
            return Ok(self.all());
        }
        // Less than 2^53 times less than 2^63: the product does not come near an i128.
        let worth = i128::from(self.first.total.get()).saturating_mul(i128::from(quantity.scaled()));
        let total = round_half_up(worth, i128::from(first.scaled()), Rounding::WorthOfQuantity)?;
        if total > self.left.total {
            let message = format!(
                "the quantity is worth {} fen, of which {} are left: take the total",
                total.get(),
                self.left.total.get()
            );
            return Err(Fault::new(Code::InvRedTotalTooLarge, "quantity", message));
        }
        if !total.is_positive() {
            return Err(Fault::new(Code::InvRedTooLittle, "quantity", "the quantity is worth less than half a fen"));
        }
        self.part(total, Some(quantity))
    }

    /// A part of the money, above zero and not above what is left.
    fn part(&self, total: Fen, quantity: Option<Quantity>) -> Result<LineShare, Fault> {
        // Rounding of parts adds up to more or less than the rounding of the whole did: what is left bounds both sides.
        let least = total.checked_sub(self.left.tax)?;
        let amount = Split::of(total, self.left.rate, Pricing::Inclusive)?.amount.max(least).min(self.left.amount);
        Ok(LineShare { quantity, amount, tax: total.checked_sub(amount)?, total, ..self.left })
    }
}

fn nothing_left(path: &str, message: &str) -> Fault {
    Fault::new(Code::InvRedNothingLeft, path, message)
}
