//! Interprets the content of pages into what they paint, as far as our own writer and tools that re-save its files go; anything else
//! makes a file unreadable, it is never passed over.

use std::collections::HashMap;
use std::rc::Rc;

use lopdf::{Dictionary, Object, ObjectId, decode_text_string};

use super::canvas::{Canvas, STATES_MAX, broken};
use super::file::{Budget, DEPTH_MAX, File, Page, fixed, numbers, unreadable};
use super::font::Font;
use super::item::Item;
use super::lexer::{Lexer, Token};
use super::number::{Matrix, ONE, minus};
use crate::base::Fault;

/// Operands of one operator.
const OPERANDS_MAX: usize = 64;

/// What every page of a file has in common.
pub(super) struct Reader<'a> {
    file: &'a File,
    budget: Budget,
    fonts: HashMap<ObjectId, Rc<Font>>,
}

impl<'a> Reader<'a> {
    /// A reader of a file's pages.
    pub fn new(file: &'a File) -> Self {
        Self { file, budget: Budget::new(), fonts: HashMap::new() }
    }

    /// What a page paints, in order.
    ///
    /// # Errors
    /// [`Code::VerdictFaceUnreadable`](crate::base::Code::VerdictFaceUnreadable).
    pub fn painted(&mut self, page: &Page<'a>) -> Result<Vec<Item>, Fault> {
        let content = self.file.content(page, &mut self.budget)?;
        let mut canvas = Canvas::new(page.size);
        self.run(&content, page.resources, &mut canvas, 0)?;
        if canvas.spans.is_empty() { Ok(canvas.items) } else { Err(broken("marked content does not end")) }
    }

    fn run(
        &mut self,
        content: &[u8],
        resources: Option<&'a Dictionary>,
        canvas: &mut Canvas,
        depth: usize,
    ) -> Result<(), Fault> {
        let mut lexer = Lexer::new(content);
        let mut given = Vec::new();
        let before = canvas.saved.len();
        let spaces = resources.and_then(|all| all.get_deref(b"ColorSpace", &self.file.document).ok()?.as_dict().ok());
        if spaces.is_some_and(|spaces| spaces.iter().any(|(name, _)| name.starts_with(b"Default"))) {
            return Err(unreadable("colour", "a page gives other meanings to the colours of a device"));
        }
        while let Some(token) = lexer.next().map_err(|e| broken(e.0))? {
            self.budget.word()?;
            let Token::Word(operator) = token else {
                given.push(token);
                if given.len() > OPERANDS_MAX {
                    return Err(broken("an operator has too many operands"));
                }
                continue;
            };
            let given = std::mem::take(&mut given);
            match operator.as_slice() {
                b"Do" => self.form(&given, resources, canvas, depth)?,
                b"Tf" => self.font(&given, resources, canvas)?,
                b"gs" => self.harmless(&given, resources)?,
                b"BDC" | b"BMC" => self.begin_span(&given, resources, canvas)?,
                b"Q" if canvas.saved.len() <= before => return Err(broken("a state is restored that was not saved")),
                operator => canvas.operate(operator, &given)?,
            }
        }
        // What is saved within a form ends with it.
        if canvas.saved.len() != before || !given.is_empty() || canvas.text.is_some() || !canvas.path.is_empty() {
            return Err(broken("content does not end as it should"));
        }
        Ok(())
    }

    fn resource(&self, resources: Option<&'a Dictionary>, kind: &[u8], name: &[u8]) -> Option<&'a Object> {
        let kind = resources?.get_deref(kind, &self.file.document).ok()?.as_dict().ok()?;
        kind.get(name).ok()
    }

    /// `Do`: a form is its content in place; anything else would be a picture.
    fn form(
        &mut self,
        given: &[Token],
        resources: Option<&'a Dictionary>,
        canvas: &mut Canvas,
        depth: usize,
    ) -> Result<(), Fault> {
        let [Token::Name(name)] = given else { return Err(broken("Do has no name")) };
        let document = &self.file.document;
        let object = self.resource(resources, b"XObject", name).ok_or_else(|| broken("a form is missing"))?;
        let stream = document.dereference(object).and_then(|(_, object)| object.as_stream());
        let stream = stream.map_err(|e| broken(&format!("a form is missing: {e}")))?;
        let dictionary = &stream.dict;
        if dictionary.get_deref(b"Subtype", document).and_then(Object::as_name).ok() != Some(b"Form") {
            return Err(unreadable("image", "a page has a picture on it"));
        }
        if dictionary.has(b"OC") {
            return Err(unreadable("layer", "a part of a page stands in a layer"));
        }
        if dictionary.has(b"Group") {
            return Err(unreadable("transparency", "a part of a page is transparent"));
        }
        if depth >= DEPTH_MAX {
            return Err(broken("forms stand too deep in one another"));
        }
        let matrix = match dictionary.get_deref(b"Matrix", document) {
            Ok(matrix) => Matrix::of(numbers(document, matrix).ok_or_else(|| broken("a form's matrix can't be read"))?),
            Err(_) => Matrix::IDENTITY,
        };
        let clip = dictionary.get_deref(b"BBox", document).ok().and_then(|area| numbers::<4>(document, area));
        let [left, bottom, right, top] = clip.ok_or_else(|| broken("a form has no bounds"))?;
        let own = dictionary.get_deref(b"Resources", document).and_then(Object::as_dict).ok().or(resources);
        let content = self.budget.inflated(stream)?;
        let outer = canvas.state.clone();
        canvas.state.matrix = matrix.then(&outer.matrix);
        canvas.rectangle(left, bottom, minus(right, left), minus(top, bottom));
        canvas.clip()?;
        canvas.path.clear();
        self.run(&content, own, canvas, depth + 1)?;
        canvas.state = outer;
        Ok(())
    }

    fn font(&mut self, given: &[Token], resources: Option<&'a Dictionary>, canvas: &mut Canvas) -> Result<(), Fault> {
        let [Token::Name(name), Token::Number(size)] = given else { return Err(broken("Tf has no font")) };
        let document = &self.file.document;
        let object = self.resource(resources, b"Font", name).ok_or_else(|| unreadable("font", "a font is missing"))?;
        let (id, object) = document.dereference(object).map_err(|e| unreadable("font", e.to_string()))?;
        let known = id.and_then(|id| self.fonts.get(&id).cloned());
        let font = match known {
            Some(font) => font,
            None => {
                let dictionary = object.as_dict().map_err(|e| unreadable("font", e.to_string()))?;
                let font = Rc::new(Font::read(document, dictionary, &mut self.budget)?);
                if let Some(id) = id {
                    self.fonts.insert(id, Rc::clone(&font));
                }
                font
            }
        };
        (canvas.state.font, canvas.state.size) = (Some(font), *size);
        Ok(())
    }

    /// `gs`: of what it can set, only what changes nothing is taken.
    fn harmless(&self, given: &[Token], resources: Option<&'a Dictionary>) -> Result<(), Fault> {
        let [Token::Name(name)] = given else { return Err(broken("gs has no name")) };
        let state = self.resource(resources, b"ExtGState", name).and_then(|state| self.file.dictionary(state));
        let state = state.ok_or_else(|| broken("a graphics state is missing"))?;
        let harmless = state.iter().all(|(key, value)| match key.as_slice() {
            b"Type" | b"SA" => true,
            b"CA" | b"ca" => fixed(value) == Some(ONE),
            b"BM" => matches!(value.as_name(), Ok(b"Normal")),
            b"SMask" => matches!(value.as_name(), Ok(b"None")),
            b"AIS" | b"OP" | b"op" => matches!(value.as_bool(), Ok(false)),
            _ => false,
        });
        if harmless {
            Ok(())
        } else {
            Err(unreadable("transparency", "a page is transparent, or drawn by other rules"))
        }
    }

    /// `BDC`: what is said in place of what is seen is kept as an item.
    fn begin_span(&self, given: &[Token], resources: Option<&'a Dictionary>, canvas: &mut Canvas) -> Result<(), Fault> {
        let said = match given {
            [Token::Name(tag), ..] if tag == b"OC" => {
                return Err(unreadable("layer", "a part of a page stands in a layer"));
            }
            [Token::Name(_)] => None,
            [Token::Name(_), Token::Dictionary(members)] => {
                let said = members.iter().filter(|(key, _)| is_said(key));
                let texts: Option<Vec<String>> = said.map(|(_, value)| text_of(value)).collect();
                texts.map(|texts| texts.concat()).filter(|_| members.iter().any(|(key, _)| is_said(key)))
            }
            [Token::Name(_), Token::Name(name)] => {
                let list = self.resource(resources, b"Properties", name).and_then(|list| self.file.dictionary(list));
                let said = list.into_iter().flat_map(Dictionary::iter).filter(|(key, _)| is_said(key));
                let texts: Vec<String> = said.filter_map(|(_, value)| decode_text_string(value).ok()).collect();
                (!texts.is_empty()).then(|| texts.concat())
            }
            _ => return Err(broken("marked content has no tag")),
        };
        canvas.spans.push(said.is_some());
        if canvas.spans.len() > STATES_MAX {
            return Err(broken("marked content stands too deep"));
        }
        canvas.items.extend(said.map(Item::Says));
        Ok(())
    }
}

/// Whether a member of a property list says something in place of what is seen (ISO 32000-1, 14.9).
fn is_said(key: &[u8]) -> bool {
    matches!(key, b"ActualText" | b"Alt" | b"E")
}

fn text_of(token: &Token) -> Option<String> {
    let Token::Text(bytes) = token else { return None };
    decode_text_string(&Object::string_literal(bytes.clone())).ok()
}
