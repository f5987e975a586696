//! The same pages, saved again by other programs: what does not touch the pages leaves a file valid; what draws them anew does not.

use lopdf::{Document, IncrementalDocument};
use piaolian::render::DocumentSigner;

use crate::edits::{Edited, signature_field};
use crate::world::{DINNER, Desk, LISTED, PRESS, Said, WORLD};

/// Saves a file again with pikepdf, with a line more in its metadata.
const PIKEPDF: &str = "import pikepdf, sys
with pikepdf.open(sys.argv[1]) as pdf:
    with pdf.open_metadata() as metadata:
        metadata['xmp:Label'] = 'archived'
    pdf.save(sys.argv[2], object_stream_mode=pikepdf.ObjectStreamMode.generate)";

/// The Python that tests/run.sh has put tests/readers/requirements.txt into.
#[expect(clippy::disallowed_methods, reason = "tests have no config to read the environment for them")]
fn python() -> String {
    std::env::var("READERS_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

#[test]
fn files_that_others_saved_again_are_valid() {
    let desk = Desk::new();
    desk.keep("0.pdf", &WORLD.pdf(DINNER));
    desk.keep("1.pdf", &WORLD.pdf(LISTED));
    let mut names = Vec::new();
    for from in ["0.pdf", "1.pdf"] {
        let mut make = |name: &str, run: &dyn Fn(&str)| {
            let to = format!("{name}-{from}");
            run(&to);
            names.push(to);
        };
        let qpdf = |options: &'static [&'static str]| {
            let desk = &desk;
            move |to: &str| desk.run("qpdf", &[options, &[from, to]].concat())
        };
        make("objects", &qpdf(&["--object-streams=generate", "--recompress-flate", "--compression-level=9"]));
        make("linear", &qpdf(&["--linearize"]));
        make("plain", &qpdf(&["--qdf", "--object-streams=disable"]));
        make("joined", &qpdf(&["--coalesce-contents"]));
        make("mutool", &|to| desk.run("mutool", &["clean", from, to]));
        make("mutool-packed", &|to| desk.run("mutool", &["clean", "-gggz", from, to]));
        make("pikepdf", &|to| desk.run(&python(), &["-c", PIKEPDF, from, to]));
        make("lopdf", &|to| {
            let mut edited = Edited::of(&std::fs::read(desk.path(from)).unwrap());
            edited.document.renumber_objects();
            edited.document.compress();
            desk.keep(to, &edited.saved());
        });
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (name, said) in names.iter().zip(desk.ours(&names)) {
        assert!(said.is("VALID", ""), "{name}: {said:?}");
    }
    for (name, said) in names.iter().zip(desk.theirs(&names)) {
        assert!(said.is("VALID", ""), "{name} in JavaScript: {said:?}");
    }
}

#[test]
fn pages_that_were_drawn_anew_are_not_what_was_issued() {
    let desk = Desk::new();
    desk.keep("dinner.pdf", &WORLD.pdf(DINNER));
    // Printed into a PDF again: all is there for the eye, and the attachments too.
    desk.run("gs", &["-q", "-dNOPAUSE", "-dBATCH", "-sDEVICE=pdfwrite", "-sOutputFile=printed.pdf", "dinner.pdf"]);
    let [Said { code, field, message }] = &desk.ours(&["printed.pdf"])[..] else { panic!("one file, one line") };
    assert!(matches!(code.as_str(), "FACE_UNREADABLE" | "FACE_DIFFERS"), "{code} {field} {message}");
    assert!(!message.is_empty() && !field.is_empty());
    // In JavaScript texts count and shapes do not: it may find that all of them are there.
    let [theirs] = &desk.theirs(&["printed.pdf"])[..] else { panic!("one file, one line") };
    assert!(["VALID", "FACE_UNREADABLE", "FACE_DIFFERS"].contains(&theirs.code.as_str()), "{theirs:?}");
    println!("printed anew: {code} {field} {message}; in JavaScript {theirs:?}");
}

/// The operator's signature, which is one more field that shows nothing; and a revision behind the file that changes nothing.
#[test]
fn signed_files_and_files_with_one_more_revision_are_valid() {
    let desk = Desk::new();
    let make = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650"];
    desk.run(
        "openssl",
        &[&make[..], &["-subj", "/CN=operator", "-keyout", "key.pem", "-out", "certificate.pem"]].concat(),
    );
    let read = |name: &str| std::fs::read_to_string(desk.path(name)).unwrap();
    let signer = DocumentSigner::from_pem(&read("key.pem"), &read("certificate.pem")).unwrap();
    let signed = PRESS.pdf_signed(&WORLD.document(DINNER), &signer).unwrap().bytes;
    desk.keep("signed.pdf", &signed);
    desk.keep("again.pdf", &Edited::of(&signed).saved());
    let before = WORLD.pdf(DINNER);
    let mut revised = IncrementalDocument::create_from(before.clone(), Document::load_mem(&before).unwrap());
    let (page, field) = (Edited::of(&before).page(0), signature_field());
    let field = revised.new_document.add_object(field);
    revised.opt_clone_object_to_new_document(page).unwrap();
    revised.new_document.get_dictionary_mut(page).unwrap().set("Annots", vec![field.into()]);
    let mut bytes = Vec::new();
    revised.save_to(&mut bytes).unwrap();
    assert!(bytes.starts_with(&before), "a revision stands behind what was there");
    desk.keep("revised.pdf", &bytes);
    let names = ["signed.pdf", "again.pdf", "revised.pdf"];
    for said in desk.ours(&names).into_iter().chain(desk.theirs(&names)) {
        assert!(said.is("VALID", ""), "{said:?}");
    }
}
