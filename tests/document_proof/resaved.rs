//! The same pages, saved again by other programs: what does not touch the pages leaves a file valid; what draws them anew does not.

use crate::edits::Edited;
use crate::world::{DINNER, Desk, LISTED, Said, WORLD};

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
    for said in [desk.ours(&["printed.pdf"]), desk.theirs(&["printed.pdf"])] {
        let [Said { code, message, .. }] = said.as_slice() else { panic!("{said:?}") };
        assert!(matches!(code.as_str(), "FACE_UNREADABLE" | "FACE_DIFFERS"), "{said:?}");
        assert!(!message.is_empty());
    }
}
