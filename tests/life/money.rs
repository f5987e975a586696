//! What red letters take, by `fixtures/chain/README.md` 8.7, in plain integers.

use serde_json::{Value, json};

/// What a quantity of 1 is in units of its last digit.
const ONE: i128 = 100_000_000;

/// A line of a blue invoice that can be reversed: its discount is in its money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub place: i64,
    pub rate: i64,
    pub quantity: Option<i128>,
    pub amount: i64,
    pub tax: i64,
    pub red_quantity: i128,
    pub red_amount: i64,
    pub red_tax: i64,
}

impl Line {
    /// The lines of a blue draft.
    pub fn sold(lines: &Value) -> Vec<Self> {
        let mut sold: Vec<Self> = Vec::new();
        for (place, line) in lines.as_array().unwrap().iter().enumerate() {
            let (amount, tax) = (line["amount"].as_i64().unwrap(), line["tax"].as_i64().unwrap());
            if line.get("kind").is_some() {
                let before = sold.last_mut().unwrap();
                before.amount += amount;
                before.tax += tax;
                continue;
            }
            sold.push(Self {
                place: i64::try_from(place).unwrap(),
                rate: line["rate"].as_i64().unwrap(),
                quantity: line.get("quantity").map(decimal),
                amount,
                tax,
                red_quantity: 0,
                red_amount: 0,
                red_tax: 0,
            });
        }
        sold
    }

    fn left(&self) -> i64 {
        self.amount + self.tax - self.red_amount - self.red_tax
    }

    fn all(&self) -> Taking {
        let quantity = self.quantity.map(|first| first - self.red_quantity).filter(|left| *left > 0);
        Taking { place: self.place, quantity, amount: self.amount - self.red_amount, tax: self.tax - self.red_tax }
    }

    fn part(&self, total: i64, quantity: Option<i128>) -> Taking {
        let by_rate = nearest(i128::from(total) * 10_000, 10_000 + i128::from(self.rate));
        let (amount_left, tax_left) = (self.amount - self.red_amount, self.tax - self.red_tax);
        let amount = if by_rate > amount_left {
            amount_left
        } else if total - by_rate > tax_left {
            total - tax_left
        } else {
            by_rate
        };
        Taking { place: self.place, quantity, amount, tax: total - amount }
    }

    fn take(&self, asked: &Value) -> Option<Taking> {
        if self.left() == 0 {
            return None;
        }
        match (asked.get("quantity").map(decimal), asked.get("total").map(|total| total.as_i64().unwrap())) {
            (Some(_), Some(_)) => None,
            (None, None) => Some(self.all()),
            (None, Some(total)) => (1..=self.left()).contains(&total).then(|| self.part(total, None)),
            (Some(quantity), None) => {
                let first = self.quantity?;
                let left = first - self.red_quantity;
                if quantity <= 0 || quantity > left {
                    return None;
                }
                if quantity == left {
                    return Some(self.all());
                }
                let worth = nearest(i128::from(self.amount + self.tax) * quantity, first);
                (1..=self.left()).contains(&worth).then(|| self.part(worth, Some(quantity)))
            }
        }
    }
}

/// What a red letter takes of one line; all of it above zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taking {
    place: i64,
    quantity: Option<i128>,
    amount: i64,
    tax: i64,
}

impl Taking {
    /// As a red draft says it.
    pub fn drawn(lines: &Value) -> Vec<Self> {
        let drawn = |line: &Value| Self {
            place: line["blue_line"].as_i64().unwrap(),
            quantity: line.get("quantity").map(|quantity| -decimal(quantity)),
            amount: -line["amount"].as_i64().unwrap(),
            tax: -line["tax"].as_i64().unwrap(),
        };
        lines.as_array().unwrap().iter().map(drawn).collect()
    }

    /// What must have been asked for to get these: by quantity where there is one.
    pub fn asked_by(drawn: &[Self]) -> Vec<Value> {
        let asked = |taking: &Self| match taking.quantity {
            Some(quantity) => json!({"line": taking.place, "quantity": written(quantity)}),
            None => json!({"line": taking.place, "total": taking.amount + taking.tax}),
        };
        drawn.iter().map(asked).collect()
    }

    /// What is taken for what is asked; `None` when it can't be had.
    pub fn ruled(lines: &[Line], asked: &[Value]) -> Option<Vec<Self>> {
        if asked.is_empty() {
            let all: Vec<Self> = lines.iter().filter(|line| line.left() > 0).map(Line::all).collect();
            return (!all.is_empty()).then_some(all);
        }
        let mut taken: Vec<Self> = Vec::new();
        for one in asked {
            let place = one["line"].as_i64().unwrap();
            if taken.iter().any(|taking| taking.place == place) {
                return None;
            }
            taken.push(lines.iter().find(|line| line.place == place)?.take(one)?);
        }
        taken.sort_by_key(|taking| taking.place);
        Some(taken)
    }

    /// Takes it.
    pub fn from(&self, lines: &mut [Line]) {
        let line = lines.iter_mut().find(|line| line.place == self.place).unwrap();
        line.red_quantity += self.quantity.unwrap_or(0);
        line.red_amount += self.amount;
        line.red_tax += self.tax;
        assert!(line.red_amount <= line.amount && line.red_tax <= line.tax, "the model takes too much: {line:?}");
    }
}

/// Money of several lines: at first, and taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    pub amount: i64,
    pub tax: i64,
    pub red_amount: i64,
    pub red_tax: i64,
}

impl Sums {
    pub fn of<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Self {
        lines.into_iter().fold(Self::default(), |sums, line| Self {
            amount: sums.amount + line.amount,
            tax: sums.tax + line.tax,
            red_amount: sums.red_amount + line.red_amount,
            red_tax: sums.red_tax + line.red_tax,
        })
    }

    pub fn left(&self) -> i64 {
        self.amount + self.tax - self.red_amount - self.red_tax
    }
}

/// n / d to whole numbers, half up; both are above zero.
fn nearest(n: i128, d: i128) -> i64 {
    i64::try_from((2 * n + d) / (2 * d)).unwrap()
}

/// A decimal string in units of its 8th fraction digit.
fn decimal(value: &Value) -> i128 {
    let text = value.as_str().unwrap();
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction: i128 = format!("{fraction:0<8}").parse().unwrap();
    sign * (whole.parse::<i128>().unwrap() * ONE + fraction)
}

/// The shortest decimal string.
pub fn written(quantity: i128) -> String {
    let text = format!("{}.{:08}", quantity / ONE, quantity % ONE);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
