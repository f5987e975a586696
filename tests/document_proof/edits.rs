//! Changes to PDFs as somebody makes them who has a library at hand: on the level of objects and operators.

use std::collections::BTreeMap;

use lopdf::content::{Content, Operation};
use lopdf::{Dictionary, Document, Object, ObjectId, Stream, StringFormat, dictionary};

/// A PDF with this receipt in place of its own.
pub fn carrying(pdf: &[u8], receipt: &str) -> Vec<u8> {
    Edited::of(pdf).with_attachment("receipt.json", receipt.as_bytes()).saved()
}

/// A PDF while it is changed.
pub struct Edited {
    pub document: Document,
}

/// A character as it is shown: the operation, the string in it, the place in the string.
struct Shown {
    font: Vec<u8>,
    operation: usize,
    part: usize,
    at: usize,
    character: char,
}

impl Edited {
    pub fn of(pdf: &[u8]) -> Self {
        Self { document: Document::load_mem(pdf).unwrap() }
    }

    pub fn saved(mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.document.save_to(&mut bytes).unwrap();
        bytes
    }

    pub fn page(&self, nth: usize) -> ObjectId {
        *self.document.get_pages().values().nth(nth).unwrap()
    }

    pub fn catalog(&mut self) -> &mut Dictionary {
        self.document.catalog_mut().unwrap()
    }

    pub fn page_dictionary(&mut self, nth: usize) -> &mut Dictionary {
        let page = self.page(nth);
        self.document.get_dictionary_mut(page).unwrap()
    }

    /// Names an object in the resources of a page.
    pub fn resource(&mut self, nth: usize, kind: &str, name: &str, object: ObjectId) {
        let deref = |dictionary: &Dictionary, key: &str| {
            let found = dictionary.get_deref(key.as_bytes(), &self.document).and_then(Object::as_dict);
            found.cloned().unwrap_or_default()
        };
        let page = self.document.get_dictionary(self.page(nth)).unwrap();
        let mut resources = deref(page, "Resources");
        let mut of_kind = deref(&resources, kind);
        of_kind.set(name, object);
        resources.set(kind, of_kind);
        self.page_dictionary(nth).set("Resources", resources);
    }

    /// Adds an attachment beside those that are there.
    pub fn attach(&mut self, name: &str, content: &[u8]) {
        let stream = Stream::new(dictionary! { "Type" => "EmbeddedFile" }, content.to_vec());
        let file = self.document.add_object(stream);
        let specification = self.document.add_object(dictionary! {
            "Type" => "Filespec", "F" => Object::string_literal(name), "UF" => Object::string_literal(name),
            "EF" => dictionary! { "F" => file },
        });
        let mut names = self.names().unwrap_or_default();
        names.extend([Object::string_literal(name), specification.into()]);
        let tree = dictionary! { "EmbeddedFiles" => dictionary! { "Names" => names } };
        self.catalog().set("Names", tree);
    }

    /// The list of attachments: name, specification, name, specification.
    fn names(&self) -> Option<Vec<Object>> {
        let catalog = self.document.catalog().unwrap();
        let names = catalog.get_deref(b"Names", &self.document).ok()?.as_dict().unwrap();
        let tree = names.get_deref(b"EmbeddedFiles", &self.document).ok()?.as_dict().unwrap();
        Some(tree.get_deref(b"Names", &self.document).ok()?.as_array().unwrap().clone())
    }

    /// Another content for an attachment that is there.
    pub fn with_attachment(mut self, name: &str, content: &[u8]) -> Self {
        let names = self.names().unwrap();
        let place = names.iter().position(|item| item.as_str().is_ok_and(|item| item == name.as_bytes())).unwrap();
        let specification = self.document.dereference(&names[place + 1]).unwrap().1.as_dict().unwrap();
        let file = specification.get_deref(b"EF", &self.document).unwrap().as_dict().unwrap();
        let file = file.get(b"F").unwrap().as_reference().unwrap();
        let stream = Stream::new(dictionary! { "Type" => "EmbeddedFile" }, content.to_vec());
        self.document.objects.insert(file, stream.into());
        self
    }

    /// Takes the attachments away.
    pub fn without_attachments(mut self) -> Self {
        self.catalog().remove(b"Names");
        self.catalog().remove(b"AF");
        self
    }

    fn content(&self, nth: usize) -> Content {
        let mut bytes = Vec::new();
        for part in self.document.get_page_contents(self.page(nth)) {
            let stream = self.document.get_object(part).unwrap().as_stream().unwrap();
            bytes.extend(stream.get_plain_content().unwrap());
            bytes.push(b'\n');
        }
        Content::decode(&bytes).unwrap()
    }

    fn set_content(&mut self, nth: usize, content: &Content) {
        let stream = self.document.add_object(Stream::new(Dictionary::new(), content.encode().unwrap()));
        self.page_dictionary(nth).set("Contents", stream);
    }

    /// Changes the operations of a page.
    pub fn operations(mut self, nth: usize, change: impl FnOnce(&mut Vec<Operation>)) -> Self {
        let mut content = self.content(nth);
        change(&mut content.operations);
        self.set_content(nth, &content);
        self
    }

    /// Operators behind all others on a page.
    pub fn appended(self, nth: usize, operators: &str) -> Self {
        let more = Content::decode(operators.as_bytes()).unwrap().operations;
        self.operations(nth, |operations| operations.extend(more))
    }

    /// The codes of characters, by the name of the font on a page.
    fn codes(&self, nth: usize) -> BTreeMap<Vec<u8>, BTreeMap<char, [u8; 2]>> {
        let fonts = self.document.get_page_fonts(self.page(nth)).unwrap();
        let map = |font: &Dictionary| {
            let map = font.get_deref(b"ToUnicode", &self.document).unwrap().as_stream().unwrap();
            characters(&String::from_utf8(map.get_plain_content().unwrap()).unwrap())
        };
        fonts.into_iter().map(|(name, font)| (name, map(font))).collect()
    }

    fn shown(&self, nth: usize) -> Vec<Shown> {
        let codes = self.codes(nth);
        let mut font = Vec::new();
        let mut shown = Vec::new();
        for (operation, step) in self.content(nth).operations.iter().enumerate() {
            if step.operator == "Tf" {
                font = step.operands[0].as_name().unwrap().to_vec();
            }
            for (part, bytes) in strings(step).into_iter().enumerate() {
                for (at, code) in bytes.chunks(2).enumerate() {
                    let found = codes[&font].iter().find(|(_, known)| *known == code);
                    let character = found.map_or('\u{FFFD}', |(character, _)| *character);
                    shown.push(Shown { font: font.clone(), operation, part, at, character });
                }
            }
        }
        shown
    }

    /// Where the nth time a text is shown on a page.
    fn find(&self, page: usize, text: &str, nth: usize) -> Vec<Shown> {
        let shown = self.shown(page);
        let all: Vec<char> = shown.iter().map(|one| one.character).collect();
        let wanted: Vec<char> = text.chars().collect();
        let place = (0..all.len()).filter(|at| all[*at..].starts_with(&wanted)).nth(nth);
        let place = place.unwrap_or_else(|| panic!("{text} is not on page {page}: {}", all.iter().collect::<String>()));
        shown.into_iter().skip(place).take(wanted.len()).collect()
    }

    /// Another character in place of one of a text that is shown, the nth time that it is.
    pub fn retyped(self, page: usize, (text, nth): (&str, usize), (from, to): (char, char)) -> Self {
        let target = self.find(page, text, nth).into_iter().find(|one| one.character == from).unwrap();
        let code = self.codes(page)[&target.font][&to];
        self.operations(page, |operations| {
            let string = strings_mut(&mut operations[target.operation]).into_iter().nth(target.part).unwrap();
            string[target.at * 2..target.at * 2 + 2].copy_from_slice(&code);
        })
    }

    /// Operators before the operation that shows a text, and behind it.
    pub fn around(self, page: usize, (text, nth): (&str, usize), before: &str, after: &str) -> Self {
        let place = self.find(page, text, nth)[0].operation;
        let [before, after] =
            [before, after].map(|operators| Content::decode(operators.as_bytes()).unwrap().operations);
        self.operations(page, |operations| {
            operations.splice(place + 1..place + 1, after);
            operations.splice(place..place, before);
        })
    }

    /// The first form that a page draws.
    pub fn form(&self, page: usize) -> ObjectId {
        let operations = self.content(page).operations;
        let name = operations.iter().find(|step| step.operator == "Do").unwrap().operands[0].as_name().unwrap();
        let page = self.document.get_dictionary(self.page(page)).unwrap();
        let resources = page.get_deref(b"Resources", &self.document).unwrap().as_dict().unwrap();
        let forms = resources.get_deref(b"XObject", &self.document).unwrap().as_dict().unwrap();
        forms.get(name).unwrap().as_reference().unwrap()
    }

    /// The font on a page that shows a character, as `(its dictionary, the code)`.
    pub fn font_of(&self, page: usize, text: &str) -> (Dictionary, [u8; 2]) {
        let shown = self.find(page, text, 0).remove(0);
        let fonts = self.document.get_page_fonts(self.page(page)).unwrap();
        (fonts[&shown.font].clone(), self.codes(page)[&shown.font][&shown.character])
    }

    /// Changes the content of a stream that a dictionary refers to.
    pub fn stream(&mut self, dictionary: &Dictionary, key: &[u8], change: impl FnOnce(&mut Vec<u8>)) {
        let id = dictionary.get(key).unwrap().as_reference().unwrap();
        let stream = self.document.get_object_mut(id).unwrap().as_stream_mut().unwrap();
        let mut plain = stream.get_plain_content().unwrap();
        change(&mut plain);
        stream.set_plain_content(plain);
    }

    /// The descriptor of a composite font.
    pub fn descriptor(&self, font: &Dictionary) -> Dictionary {
        let descendants = font.get_deref(b"DescendantFonts", &self.document).unwrap().as_array().unwrap();
        let cid = self.document.dereference(&descendants[0]).unwrap().1.as_dict().unwrap();
        cid.get_deref(b"FontDescriptor", &self.document).unwrap().as_dict().unwrap().clone()
    }
}

/// Characters and codes of a map to text in the forms that writers use.
fn characters(map: &str) -> BTreeMap<char, [u8; 2]> {
    let code = |text: &str| u16::from_str_radix(text, 16).unwrap();
    let hexes = |section: &str| -> Vec<String> {
        section.split('<').skip(1).map(|rest| rest.split('>').next().unwrap().replace(' ', "")).collect()
    };
    let text = |hex: &str| {
        let units: Vec<u16> = hex.as_bytes().chunks(4).map(|unit| code(std::str::from_utf8(unit).unwrap())).collect();
        String::from_utf16(&units).unwrap().chars().next().unwrap()
    };
    let mut found = BTreeMap::new();
    for section in map.split("beginbfchar").skip(1) {
        for pair in hexes(section.split("endbfchar").next().unwrap()).chunks(2) {
            found.insert(text(&pair[1]), code(&pair[0]).to_be_bytes());
        }
    }
    for section in map.split("beginbfrange").skip(1) {
        for range in hexes(section.split("endbfrange").next().unwrap()).chunks(3) {
            for (nth, one) in (code(&range[0])..=code(&range[1])).enumerate() {
                let character = char::from_u32(u32::from(text(&range[2])) + u32::try_from(nth).unwrap()).unwrap();
                found.insert(character, one.to_be_bytes());
            }
        }
    }
    found
}

fn strings(operation: &Operation) -> Vec<&[u8]> {
    let parts = match operation.operator.as_str() {
        "Tj" => operation.operands.as_slice(),
        "TJ" => operation.operands[0].as_array().unwrap(),
        _ => &[],
    };
    parts.iter().filter_map(|part| part.as_str().ok()).collect()
}

fn strings_mut(operation: &mut Operation) -> Vec<&mut Vec<u8>> {
    let parts = match operation.operator.as_str() {
        "Tj" => operation.operands.as_mut_slice(),
        "TJ" => operation.operands[0].as_array_mut().unwrap(),
        _ => &mut [],
    };
    parts.iter_mut().filter_map(|part| part.as_str_mut().ok()).collect()
}

/// An annotation that shows a text.
pub fn note() -> Dictionary {
    dictionary! {
        "Type" => "Annot", "Subtype" => "FreeText", "Rect" => vec![100.into(), 100.into(), 200.into(), 120.into()],
        "Contents" => Object::String(b"9999.00".to_vec(), StringFormat::Literal),
        "DA" => Object::string_literal("/Helv 12 Tf 0 g"),
    }
}

/// A field for a signature that shows nothing.
pub fn signature_field() -> Dictionary {
    dictionary! {
        "Type" => "Annot", "Subtype" => "Widget", "FT" => "Sig", "T" => Object::string_literal("Signature"), "F" => 132,
        "Rect" => vec![0.into(), 0.into(), 0.into(), 0.into()],
    }
}
