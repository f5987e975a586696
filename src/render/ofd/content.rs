//! Marks as the objects of a page: texts, paths. Millimetres from the page's top left corner, y downwards, as the display list has it.

use std::collections::BTreeMap;

use super::super::draw::{Field, Ink, Mark, Text};
use super::super::font::{Fonts, Glyph, Typeface};
use super::super::glyphs::{Placed, Square, decimal, placed, squares};
use super::super::turn::{handle, turn};
use super::super::xml::XmlSheet;
use crate::base::Fault;

/// Ids of the typefaces as resources.
pub(super) const TYPEFACES: [(Typeface, u32); 3] = [(Typeface::Kai, 1), (Typeface::Song, 2), (Typeface::Figure, 3)];

/// What a package counts and gathers while its pages are written.
#[derive(Debug)]
pub(super) struct Gathered {
    /// The last id that was given.
    pub last_id: u32,
    /// The characters that each typeface draws.
    pub used: BTreeMap<Typeface, BTreeMap<char, Glyph>>,
    /// Which object shows what of the face: field, id of the page, id of the object.
    pub shown: Vec<(Field, u32, u32)>,
}

impl Default for Gathered {
    fn default() -> Self {
        Self { last_id: 3, used: BTreeMap::new(), shown: Vec::new() }
    }
}

impl Gathered {
    /// The next id.
    pub fn id(&mut self) -> u32 {
        self.last_id = self.last_id.saturating_add(1);
        self.last_id
    }
}

/// Micrometres as millimetres.
pub(super) fn mm(micrometres: i64) -> String {
    decimal(micrometres, 3)
}

/// Numbers with blanks between them.
fn row(numbers: impl IntoIterator<Item = i64>) -> String {
    numbers.into_iter().map(mm).collect::<Vec<_>>().join(" ")
}

fn value(ink: Ink) -> String {
    ink.0.map(|part| part.to_string()).join(" ")
}

/// Writes marks as the objects of one layer.
pub(super) struct Painter<'a> {
    /// Measures texts.
    pub fonts: &'a Fonts,
    /// What the package gathers.
    pub gathered: &'a mut Gathered,
    /// The page's id.
    pub page: u32,
}

impl Painter<'_> {
    /// One mark.
    ///
    /// # Errors
    /// [`crate::base::Code::RenderXml`].
    pub fn paint(&mut self, sheet: &mut XmlSheet, mark: &Mark) -> Result<(), Fault> {
        match mark {
            Mark::Text(text) => self.write(sheet, text),
            Mark::Rule { from, to, width, ink } => {
                let (from, to) = ((i64::from(from.0), i64::from(from.1)), (i64::from(to.0), i64::from(to.1)));
                let half = i64::from(*width).div_euclid(2).saturating_add(1);
                let left_top = (from.0.min(to.0) - half, from.1.min(to.1) - half);
                let right_bottom = (from.0.max(to.0) + half, from.1.max(to.1) + half);
                let at = |(x, y): (i64, i64)| row([x - left_top.0, y - left_top.1]);
                let path = format!("M {} L {}", at(from), at(to));
                self.stroke(sheet, Boundary::of(left_top, right_bottom), (*width, *ink), &path)
            }
            Mark::Ellipse { centre, radii, width, ink } => {
                let (across, down) = (i64::from(radii.0), i64::from(radii.1));
                let half = i64::from(*width).div_euclid(2).saturating_add(1);
                let (middle_x, middle_y) = (across + half, down + half);
                let left_top = (i64::from(centre.0) - middle_x, i64::from(centre.1) - middle_y);
                let right_bottom = (i64::from(centre.0) + middle_x, i64::from(centre.1) + middle_y);
                let path = ellipse((middle_x, middle_y), *radii);
                self.stroke(sheet, Boundary::of(left_top, right_bottom), (*width, *ink), &path)
            }
            Mark::Code { x, y, side, matrix } => {
                let white = [Square { left: 0, top: 0, right: (*side).into(), bottom: (*side).into() }];
                let boundary =
                    Boundary { x: (*x).into(), y: (*y).into(), width: (*side).into(), height: (*side).into() };
                self.fill(sheet, &boundary, Ink([255; 3]), &white)?;
                self.gathered.shown.push((Field::Qr, self.page, self.gathered.last_id.saturating_add(1)));
                self.fill(sheet, &boundary, Ink([0; 3]), &squares(matrix, (0, 0), *side))
            }
            // OFD has no word for a text that stands for others; each says itself.
            Mark::Span { marks, .. } => marks.iter().try_for_each(|mark| self.paint(sheet, mark)),
        }
    }

    fn stroke(
        &mut self,
        sheet: &mut XmlSheet,
        boundary: Boundary,
        (width, ink): (i32, Ink),
        path: &str,
    ) -> Result<(), Fault> {
        let (id, boundary, width) = (self.gathered.id().to_string(), boundary.to_text(), mm(width.into()));
        let attributes = [("ID", id.as_str()), ("Boundary", &boundary), ("LineWidth", &width)];
        sheet.within("ofd:PathObject", &attributes, |sheet| {
            sheet.empty("ofd:StrokeColor", &[("Value", &value(ink))])?;
            sheet.text("ofd:AbbreviatedData", &[], path)
        })
    }

    fn fill(&mut self, sheet: &mut XmlSheet, boundary: &Boundary, ink: Ink, squares: &[Square]) -> Result<(), Fault> {
        let (id, boundary) = (self.gathered.id().to_string(), boundary.to_text());
        let attributes = [("ID", id.as_str()), ("Boundary", &boundary), ("Stroke", "false"), ("Fill", "true")];
        let path: Vec<String> = squares
            .iter()
            .map(|Square { left, top, right, bottom }| {
                let [left, top, right, bottom] = [left, top, right, bottom].map(|edge| mm(*edge));
                format!("M {left} {top} L {right} {top} L {right} {bottom} L {left} {bottom} C")
            })
            .collect();
        sheet.within("ofd:PathObject", &attributes, |sheet| {
            sheet.empty("ofd:FillColor", &[("Value", &value(ink))])?;
            sheet.text("ofd:AbbreviatedData", &[], &path.join(" "))
        })
    }

    /// One object for what one typeface draws without a gap in between.
    fn write(&mut self, sheet: &mut XmlSheet, text: &Text) -> Result<(), Fault> {
        let glyphs = placed(text, self.fonts);
        for run in glyphs.chunk_by(|a, b| a.typeface == b.typeface) {
            self.set(sheet, text, run)?;
        }
        Ok(())
    }

    fn set(&mut self, sheet: &mut XmlSheet, text: &Text, run: &[Placed]) -> Result<(), Fault> {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(()) };
        let characters = self.gathered.used.entry(first.typeface).or_default();
        characters.extend(run.iter().map(|one| (one.character, one.glyph)));
        let id = self.gathered.id();
        if let Some(field) = text.field {
            self.gathered.shown.push((field, self.page, id));
        }
        let font = TYPEFACES.iter().find(|(typeface, _)| *typeface == first.typeface).map_or(0, |(_, id)| *id);
        let whole = |thousandths: i64| thousandths.div_euclid(1_000);
        let (begins, length) = (whole(first.begins), whole(last.begins + last.advance - first.begins));
        let place = placing(text, begins, length);
        let boundary = place.boundary.to_text();
        let (id, font, size) = (id.to_string(), font.to_string(), mm(text.size.into()));
        let mut attributes = vec![("ID", id.as_str()), ("Boundary", &boundary), ("Font", &font), ("Size", &size)];
        attributes.extend(place.matrix.as_deref().map(|matrix| ("CTM", matrix)));
        let content: String = run.iter().map(|one| one.character).collect();
        // From the beginning of each character to that of the next. Rounded places, not rounded widths: errors do not add up.
        let steps = run.windows(2).map(|pair| match pair {
            [one, next] => whole(next.begins) - whole(one.begins),
            _ => 0,
        });
        let (x, y, steps) = (mm(place.x), mm(place.y), row(steps));
        let mut code = vec![("X", x.as_str()), ("Y", &y)];
        if run.len() > 1 {
            code.push(("DeltaX", &steps));
        }
        sheet.within("ofd:TextObject", &attributes, |sheet| {
            sheet.empty("ofd:FillColor", &[("Value", &value(text.ink))])?;
            sheet.text("ofd:TextCode", &code, &content)
        })
    }
}

/// The rectangle outside of which nothing of an object shows, in micrometres.
#[derive(Debug, Clone, Copy)]
struct Boundary {
    x: i64,
    y: i64,
    width: i64,
    height: i64,
}

impl Boundary {
    fn of((left, top): (i64, i64), (right, bottom): (i64, i64)) -> Self {
        Self { x: left, y: top, width: right - left, height: bottom - top }
    }

    fn to_text(self) -> String {
        row([self.x, self.y, self.width, self.height])
    }
}

/// Where a text object stands: its boundary, its matrix if it is turned, and the beginning of the first character in it.
struct Placing {
    boundary: Boundary,
    matrix: Option<String>,
    x: i64,
    y: i64,
}

/// A run that begins so far along the baseline of its text and is so long.
fn placing(text: &Text, begins: i64, length: i64) -> Placing {
    let (x, y, em) = (i64::from(text.x), i64::from(text.y), i64::from(text.size));
    if text.turn == 0 {
        // An em above the baseline, a third of one below: no glyph reaches further.
        let boundary = Boundary { x: x + begins, y: y - em, width: length.max(1), height: em + em / 3 };
        return Placing { boundary, matrix: None, x: 0, y: em };
    }
    // A square about the beginning of the text that holds the run however it is turned.
    let reach = begins + length + em;
    let boundary = Boundary { x: x - reach, y: y - reach, width: 2 * reach, height: 2 * reach };
    let (cosine, sine) = turn(text.turn);
    // Counter-clockwise where y points downwards.
    let [cosine, sine, minus] = [cosine, sine, -sine].map(|number| decimal(number, 4));
    let matrix = format!("{cosine} {minus} {sine} {cosine} {} {}", mm(reach), mm(reach));
    Placing { boundary, matrix: Some(matrix), x: begins, y: 0 }
}

/// The path of an ellipse: four curves.
fn ellipse((x, y): (i64, i64), (across, down): (i32, i32)) -> String {
    let [handle_x, handle_y, across, down] = [handle(across), handle(down), across, down].map(i64::from);
    let at = |(dx, dy): (i64, i64)| row([x + dx, y + dy]);
    let curve = |a, b, c| format!("B {} {} {}", at(a), at(b), at(c));
    [
        format!("M {}", at((across, 0))),
        curve((across, -handle_y), (handle_x, -down), (0, -down)),
        curve((-handle_x, -down), (-across, -handle_y), (-across, 0)),
        curve((-across, handle_y), (-handle_x, down), (0, down)),
        curve((handle_x, down), (across, handle_y), (across, 0)),
        "C".to_owned(),
    ]
    .join(" ")
}
