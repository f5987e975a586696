//! A page while it is painted: the operators that need nothing but the page's own state (ISO 32000-1, 8.4 to 9.4).

use std::rc::Rc;

use super::file::unreadable;
use super::font::Font;
use super::item::{Colour, Glyph, Item, Path, Pen, Step, tip};
use super::lexer::Token;
use super::number::{Matrix, ONE, Point, plus, times};
use crate::base::Fault;

/// Saved states, and marked content, within one another.
pub(super) const STATES_MAX: usize = 64;
/// Glyphs and paths of one page: a full page of a list has a hundredth of it.
const ITEMS_MAX: usize = 500_000;

/// What `q` saves.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// From the operators' coordinates to the page's.
    pub matrix: Matrix,
    fill: Colour,
    stroke: Colour,
    fill_space: Space,
    stroke_space: Space,
    width: i64,
    ends: [i64; 3],
    dash: Vec<i64>,
    /// Font and size of texts.
    pub font: Option<Rc<Font>>,
    /// See `font`.
    pub size: i64,
    character: i64,
    stretch: i64,
    leading: i64,
    rise: i64,
    mode: i64,
}

/// A device colour space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Space {
    Grey,
    Rgb,
    Cmyk,
}

impl State {
    fn new() -> Self {
        Self {
            matrix: Matrix::IDENTITY,
            fill: Colour::BLACK,
            stroke: Colour::BLACK,
            fill_space: Space::Grey,
            stroke_space: Space::Grey,
            width: ONE,
            ends: [0, 0, 10 * ONE],
            dash: Vec::new(),
            font: None,
            size: 0,
            character: 0,
            stretch: ONE,
            leading: 0,
            rise: 0,
            mode: 0,
        }
    }

    fn pen(&self) -> Pen {
        let tip = tip(self.width, (self.matrix.right, self.matrix.up));
        Pen { colour: self.stroke, tip, ends: self.ends, dash: self.dash.clone() }
    }
}

/// Content that is not written as content is.
pub(super) fn broken(why: &str) -> Fault {
    unreadable("content", why)
}

/// A page while it is painted.
pub(super) struct Canvas {
    /// Lower left and upper right corner of the page.
    size: [i64; 4],
    /// What was painted so far.
    pub items: Vec<Item>,
    /// What is in force.
    pub state: State,
    /// What was in force where `q` stood.
    pub saved: Vec<State>,
    /// Of each marked content that is open, whether it says something.
    pub spans: Vec<bool>,
    /// The path that is being made.
    pub path: Vec<Step>,
    place: Point,
    clips: bool,
    /// Within a text: the matrix of the line, and of the next glyph.
    pub text: Option<(Matrix, Matrix)>,
}

impl Canvas {
    /// An empty page of this size.
    pub fn new(size: [i64; 4]) -> Self {
        Self {
            size,
            items: Vec::new(),
            state: State::new(),
            saved: Vec::new(),
            spans: Vec::new(),
            path: Vec::new(),
            place: Point::default(),
            clips: false,
            text: None,
        }
    }

    /// Does what an operator says.
    ///
    /// # Errors
    /// [`Code::VerdictFaceUnreadable`](crate::base::Code::VerdictFaceUnreadable) for operators that invoices are not drawn with, too.
    pub fn operate(&mut self, operator: &[u8], given: &[Token]) -> Result<(), Fault> {
        if self.state_operator(operator, given)?
            || self.colour_operator(operator, given)?
            || self.path_operator(operator, given)?
            || self.text_operator(operator, given)?
        {
            return Ok(());
        }
        match operator {
            b"BI" | b"EI" | b"ID" => Err(unreadable("image", "a page has a picture on it")),
            b"sh" => Err(unreadable("shading", "a page has a shading on it")),
            _ => {
                Err(broken(&format!("a page is drawn with an operator that invoices do not use: {}", lossy(operator))))
            }
        }
    }

    fn state_operator(&mut self, operator: &[u8], given: &[Token]) -> Result<bool, Fault> {
        match operator {
            b"q" if self.saved.len() < STATES_MAX => self.saved.push(self.state.clone()),
            b"Q" => self.state = self.saved.pop().ok_or_else(|| broken("a state is restored that was not saved"))?,
            b"cm" => self.state.matrix = Matrix::of(operands(given)?).then(&self.state.matrix),
            b"w" => [self.state.width] = operands(given)?,
            b"J" => [self.state.ends[0]] = operands(given)?,
            b"j" => [self.state.ends[1]] = operands(given)?,
            b"M" => [self.state.ends[2]] = operands(given)?,
            b"d" => {
                let [Token::List(dashes), Token::Number(from)] = given else { return Err(broken("d has no dashes")) };
                let mut dash = numbers_of(dashes)?;
                if !dash.is_empty() {
                    dash.push(*from);
                }
                self.state.dash = dash;
            }
            b"ri" | b"i" | b"MP" | b"DP" => {}
            b"EMC" => {
                if self.spans.pop().ok_or_else(|| broken("marked content ends that did not begin"))? {
                    self.items.push(Item::Said);
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn colour_operator(&mut self, operator: &[u8], given: &[Token]) -> Result<bool, Fault> {
        let state = &mut self.state;
        match operator {
            b"g" => (state.fill_space, state.fill) = (Space::Grey, colour(Space::Grey, given)?),
            b"G" => (state.stroke_space, state.stroke) = (Space::Grey, colour(Space::Grey, given)?),
            b"rg" => (state.fill_space, state.fill) = (Space::Rgb, colour(Space::Rgb, given)?),
            b"RG" => (state.stroke_space, state.stroke) = (Space::Rgb, colour(Space::Rgb, given)?),
            b"k" => (state.fill_space, state.fill) = (Space::Cmyk, colour(Space::Cmyk, given)?),
            b"K" => (state.stroke_space, state.stroke) = (Space::Cmyk, colour(Space::Cmyk, given)?),
            b"cs" => {
                state.fill_space = space(given)?;
                state.fill = black(state.fill_space);
            }
            b"CS" => {
                state.stroke_space = space(given)?;
                state.stroke = black(state.stroke_space);
            }
            b"sc" | b"scn" => state.fill = colour(state.fill_space, given)?,
            b"SC" | b"SCN" => state.stroke = colour(state.stroke_space, given)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn path_operator(&mut self, operator: &[u8], given: &[Token]) -> Result<bool, Fault> {
        match operator {
            b"m" => self.step(given, Step::Move)?,
            b"l" => self.step(given, Step::Line)?,
            b"c" => {
                let [a, b, c, d, e, f] = operands(given)?;
                self.curve(Point { x: a, y: b }, Point { x: c, y: d }, Point { x: e, y: f });
            }
            b"v" => {
                let [c, d, e, f] = operands(given)?;
                self.curve(self.place, Point { x: c, y: d }, Point { x: e, y: f });
            }
            b"y" => {
                let [a, b, e, f] = operands(given)?;
                self.curve(Point { x: a, y: b }, Point { x: e, y: f }, Point { x: e, y: f });
            }
            b"h" => self.path.push(Step::Close),
            b"re" => {
                let [x, y, width, height] = operands(given)?;
                self.rectangle(x, y, width, height);
            }
            b"f" | b"F" => self.paint(true, false, false)?,
            b"f*" => self.paint(true, true, false)?,
            b"S" => self.paint(false, false, true)?,
            b"s" => {
                self.path.push(Step::Close);
                self.paint(false, false, true)?;
            }
            b"B" => self.paint(true, false, true)?,
            b"B*" => self.paint(true, true, true)?,
            b"b" | b"b*" => {
                self.path.push(Step::Close);
                self.paint(true, operator == b"b*", true)?;
            }
            b"n" => self.paint(false, false, false)?,
            b"W" | b"W*" => self.clips = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn step(&mut self, given: &[Token], step: impl Fn(Point) -> Step) -> Result<(), Fault> {
        let [x, y] = operands(given)?;
        self.place = Point { x, y };
        self.path.push(step(self.state.matrix.place(self.place)));
        Ok(())
    }

    fn curve(&mut self, a: Point, b: Point, end: Point) {
        let matrix = &self.state.matrix;
        self.path.push(Step::Curve(matrix.place(a), matrix.place(b), matrix.place(end)));
        self.place = end;
    }

    /// A rectangle on the path.
    pub fn rectangle(&mut self, x: i64, y: i64, width: i64, height: i64) {
        let place = |x, y| self.state.matrix.place(Point { x, y });
        let (right, top) = (plus(x, width), plus(y, height));
        let corners = [place(x, y), place(right, y), place(right, top), place(x, top)];
        let [first, rest @ ..] = corners;
        self.path.push(Step::Move(first));
        self.path.extend(rest.map(Step::Line));
        self.path.push(Step::Close);
        self.place = Point { x, y };
    }

    fn push(&mut self, item: Item) -> Result<(), Fault> {
        if self.items.len() >= ITEMS_MAX {
            return Err(broken("a page has too much on it"));
        }
        self.items.push(item);
        Ok(())
    }

    fn paint(&mut self, fill: bool, even_odd: bool, stroke: bool) -> Result<(), Fault> {
        if std::mem::take(&mut self.clips) {
            self.clip()?;
        }
        let steps = std::mem::take(&mut self.path);
        if (fill || stroke) && !steps.is_empty() {
            let fill = fill.then_some(self.state.fill);
            let pen = stroke.then(|| self.state.pen());
            self.push(Item::Path(Box::new(Path { steps, fill, even_odd, pen })))?;
        }
        Ok(())
    }

    /// The path as a clip: one that holds the whole page clips nothing; any other would hide a part of it.
    ///
    /// # Errors
    /// [`Code::VerdictFaceUnreadable`](crate::base::Code::VerdictFaceUnreadable).
    pub fn clip(&self) -> Result<(), Fault> {
        let corners: Vec<Point> = self.path.iter().flat_map(Step::points).collect();
        let [left, bottom, right, top] = self.size;
        let upright =
            matches!(corners.as_slice(), [a, b, c, d] if a.y == b.y && b.x == c.x && c.y == d.y && d.x == a.x);
        let beyond = |holds: &dyn Fn(&Point) -> bool| corners.iter().filter(|corner| holds(corner)).count() == 2;
        // Half a point: boxes of forms are often rounded.
        let slack = ONE / 2;
        let holds = beyond(&|corner| corner.x <= left + slack)
            && beyond(&|corner| corner.y <= bottom + slack)
            && beyond(&|corner| corner.x >= right - slack)
            && beyond(&|corner| corner.y >= top - slack);
        if upright && holds { Ok(()) } else { Err(unreadable("clip", "a part of a page is cut off")) }
    }

    fn text_operator(&mut self, operator: &[u8], given: &[Token]) -> Result<bool, Fault> {
        match operator {
            b"BT" if self.text.is_none() => self.text = Some((Matrix::IDENTITY, Matrix::IDENTITY)),
            b"ET" if self.text.is_some() => self.text = None,
            b"Tc" => [self.state.character] = operands(given)?,
            // Counts for codes of one byte only: none of ours.
            b"Tw" => {
                let [_] = operands(given)?;
            }
            b"Tz" => {
                let [percent] = operands(given)?;
                self.state.stretch = percent / 100;
            }
            b"TL" => [self.state.leading] = operands(given)?,
            b"Ts" => [self.state.rise] = operands(given)?,
            b"Tr" => [self.state.mode] = operands(given)?,
            b"Td" => self.line(operands(given)?)?,
            b"TD" => {
                let [x, y] = operands(given)?;
                self.state.leading = -y;
                self.line([x, y])?;
            }
            b"T*" => self.line([0, -self.state.leading])?,
            b"Tm" => {
                let matrix = Matrix::of(operands(given)?);
                *self.matrices()? = (matrix, matrix);
            }
            b"Tj" => self.show(given)?,
            b"TJ" => {
                let [Token::List(parts)] = given else { return Err(broken("TJ has no array")) };
                self.show(parts)?;
            }
            b"'" => {
                self.line([0, -self.state.leading])?;
                self.show(given)?;
            }
            b"\"" => {
                let [Token::Number(_), Token::Number(character), text] = given else {
                    return Err(broken("a line of text has no spacing"));
                };
                self.state.character = *character;
                self.line([0, -self.state.leading])?;
                self.show(std::slice::from_ref(text))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn matrices(&mut self) -> Result<&mut (Matrix, Matrix), Fault> {
        self.text.as_mut().ok_or_else(|| broken("text stands outside a text"))
    }

    fn line(&mut self, [x, y]: [i64; 2]) -> Result<(), Fault> {
        let matrices = self.matrices()?;
        let line = Matrix::shift(x, y).then(&matrices.0);
        *matrices = (line, line);
        Ok(())
    }

    /// Paints strings, and steps by the numbers between them.
    fn show(&mut self, parts: &[Token]) -> Result<(), Fault> {
        let font = self.state.font.clone().ok_or_else(|| unreadable("font", "a text has no font"))?;
        for part in parts {
            match part {
                Token::Text(bytes) => {
                    for code in bytes.chunks(2) {
                        let code = <[u8; 2]>::try_from(code).map_err(|e| broken(&format!("half a character: {e}")))?;
                        self.glyph(&font, u16::from_be_bytes(code))?;
                    }
                }
                Token::Number(back) => {
                    self.advance(-times(times(back / 1_000, self.state.size), self.state.stretch))?
                }
                Token::Name(_) | Token::List(_) | Token::Dictionary(_) | Token::Word(_) => {
                    return Err(broken("a text has something else in it"));
                }
            }
        }
        Ok(())
    }

    fn advance(&mut self, way: i64) -> Result<(), Fault> {
        let matrices = self.matrices()?;
        matrices.1 = Matrix::shift(way, 0).then(&matrices.1);
        Ok(())
    }

    fn glyph(&mut self, font: &Font, code: u16) -> Result<(), Fault> {
        let outline = font.outline(code).ok_or_else(|| unreadable("font", "a font lacks a glyph"))?;
        let state = &self.state;
        if state.mode > 3 * ONE {
            return Err(unreadable("clip", "a text cuts off a part of a page"));
        }
        let (size, stretch) = (state.size, state.stretch);
        let em = Matrix::of([times(size, stretch), 0, 0, size, 0, state.rise]);
        let all =
            em.then(&self.text.as_ref().ok_or_else(|| broken("text stands outside a text"))?.1).then(&state.matrix);
        let glyph = Glyph {
            outline,
            em: (all.right, all.up),
            at: all.origin,
            colour: if state.mode == ONE { state.stroke } else { state.fill },
            mode: state.mode / ONE,
            text: font.text(code).to_owned(),
        };
        let way = times(plus(times(font.advance(code), size), state.character), stretch);
        self.push(Item::Glyph(Box::new(glyph)))?;
        self.advance(way)
    }
}

fn lossy(word: &[u8]) -> String {
    String::from_utf8_lossy(word.get(..word.len().min(20)).unwrap_or_default()).into_owned()
}

fn numbers_of(given: &[Token]) -> Result<Vec<i64>, Fault> {
    given
        .iter()
        .map(|token| match token {
            Token::Number(number) => Ok(*number),
            Token::Name(_) | Token::Text(_) | Token::List(_) | Token::Dictionary(_) | Token::Word(_) => {
                Err(broken("an operator has something else than numbers"))
            }
        })
        .collect()
}

fn operands<const N: usize>(given: &[Token]) -> Result<[i64; N], Fault> {
    let numbers = numbers_of(given)?;
    let other = |numbers: Vec<i64>| broken(&format!("an operator has {} numbers and not {N}", numbers.len()));
    numbers.try_into().map_err(other)
}

fn space(given: &[Token]) -> Result<Space, Fault> {
    match given {
        [Token::Name(name)] if name == b"DeviceGray" => Ok(Space::Grey),
        [Token::Name(name)] if name == b"DeviceRGB" => Ok(Space::Rgb),
        [Token::Name(name)] if name == b"DeviceCMYK" => Ok(Space::Cmyk),
        _ => Err(unreadable("colour", "a page has colours that are not those of a device")),
    }
}

fn black(space: Space) -> Colour {
    match space {
        Space::Grey | Space::Rgb => Colour::BLACK,
        Space::Cmyk => Colour::Cmyk([0, 0, 0, ONE]),
    }
}

fn colour(space: Space, given: &[Token]) -> Result<Colour, Fault> {
    if given.iter().any(|token| matches!(token, Token::Name(_))) {
        return Err(unreadable("colour", "a page has a pattern on it"));
    }
    Ok(match space {
        Space::Grey => {
            let [grey] = operands(given)?;
            Colour::Rgb([grey; 3])
        }
        Space::Rgb => Colour::Rgb(operands(given)?),
        Space::Cmyk => Colour::Cmyk(operands(given)?),
    })
}
