//! The offline verifier as one HTML file: the modules of `templates/verifier`, joined into one inline script.
//!
//! The page's own policy lets this script run and nothing else, neither load nor send; it holds in a saved copy too.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::base::{Code, Fault};

/// The modules, each behind those that it imports from. All that Node needs besides is `cli.mjs`.
const MODULES: &[&str] = &[
    include_str!("../../templates/verifier/bytes.mjs"),
    include_str!("../../templates/verifier/json.mjs"),
    include_str!("../../templates/verifier/canonical.mjs"),
    include_str!("../../templates/verifier/keccak.mjs"),
    include_str!("../../templates/verifier/tree.mjs"),
    include_str!("../../templates/verifier/secp256k1.mjs"),
    include_str!("../../templates/verifier/forms.mjs"),
    include_str!("../../templates/verifier/present.mjs"),
    include_str!("../../templates/verifier/header.mjs"),
    include_str!("../../templates/verifier/issuer.mjs"),
    include_str!("../../templates/verifier/receipt.mjs"),
    include_str!("../../templates/verifier/verdict.mjs"),
    include_str!("../../templates/verifier/objects.mjs"),
    include_str!("../../templates/verifier/pdf.mjs"),
    include_str!("../../templates/verifier/facts.mjs"),
    include_str!("../../templates/verifier/content.mjs"),
    include_str!("../../templates/verifier/qr.mjs"),
    include_str!("../../templates/verifier/labels.mjs"),
    include_str!("../../templates/verifier/face.mjs"),
    include_str!("../../templates/verifier/words.mjs"),
    include_str!("../../templates/verifier/page.mjs"),
];

#[derive(Template)]
#[template(path = "verifier/page.html")]
struct Page<'a> {
    /// SHA-256 of the script in base64, as the policy names it.
    digest: String,
    script: &'a str,
}

/// The modules as one: their names are unique (a script with one twice does not even parse), so imports and exports just go. An
/// import stands on one line.
fn script() -> String {
    let mut script = String::from("\n");
    for line in MODULES.iter().flat_map(|module| module.lines()).filter(|line| !line.starts_with("import ")) {
        script.push_str(line.strip_prefix("export ").unwrap_or(line));
        script.push('\n');
    }
    script
}

/// The page: the same bytes each time.
///
/// # Errors
/// [`Code::RenderPage`] when the template can't be filled in.
pub fn verifier_page() -> Result<String, Fault> {
    let script = script();
    let digest = STANDARD.encode(Sha256::digest(&script));
    Page { digest, script: &script }.render().map_err(|e| Fault::new(Code::RenderPage, "", e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::draw::{FrameId, Mark, PageKind};
    use crate::render::face::FaceKind;
    use crate::render::font::Fonts;
    use crate::render::layout::Layouts;

    #[test]
    fn every_module_is_in_the_page_or_the_command_line() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/verifier");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let modules = files.filter(|path| path.extension().is_some_and(|ending| ending == "mjs")).count();
        assert_eq!(modules, MODULES.len() + 1);
    }

    /// The texts of marks in painting order, without blanks.
    fn texts(marks: &[Mark]) -> String {
        let of_mark = |mark: &Mark| match mark {
            Mark::Text(text) => text.content.split_whitespace().collect(),
            Mark::Span { marks, .. } => texts(marks),
            Mark::Rule { .. } | Mark::Ellipse { .. } | Mark::Code { .. } => String::new(),
        };
        marks.iter().map(of_mark).collect()
    }

    #[test]
    fn the_labels_that_the_verifier_knows_are_those_of_the_layouts() {
        let fonts = Fonts::load().unwrap();
        let layouts = Layouts::load(&fonts).unwrap();
        let mut module = String::from(
            "// Texts of the pages' frames in painting order, blanks left out: of production chains, and of others. Made by a test\n\
             // (src/render/verifier.rs) from the layouts in templates/face.\n\nexport const FRAME_TEXTS = {\n",
        );
        for (called, kind) in [("ordinary", FaceKind::Ordinary), ("digital", FaceKind::Digital)] {
            module.push_str(&format!("  {called}: {{\n"));
            for (name, page) in [("first", PageKind::First), ("list", PageKind::List), ("notes", PageKind::Notes)] {
                let of = |sample| {
                    let frame = layouts.frame(FrameId { kind, page, sample }).unwrap();
                    serde_json::to_string(&texts(&frame.marks)).unwrap()
                };
                module.push_str(&format!("    {name}: [{}, {}],\n", of(false), of(true)));
            }
            module.push_str("  },\n");
        }
        module.push_str("};\n");
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/verifier/labels.mjs");
        let known = std::fs::read_to_string(file).unwrap();
        assert!(known == module, "a layout was changed; templates/verifier/labels.mjs is now:\n{module}");
    }

    #[test]
    fn the_script_stays_within_its_element() {
        let page = verifier_page().unwrap();
        assert_eq!(page.matches("</script").count(), 2, "the preset and the script");
        assert!(!page.contains("<!--"), "it would begin a comment inside a script");
        assert!(!script().contains("\nimport") && !script().contains("export "));
    }

    #[test]
    fn the_page_loads_nothing_from_elsewhere() {
        let page = verifier_page().unwrap();
        for forbidden in
            ["src=", "@import", "url(", "<link", "http://", "https://", "fetch(", "eval(", "innerHTML", "XMLHttp"]
        {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("default-src 'none'; script-src 'sha256-"));
    }
}
