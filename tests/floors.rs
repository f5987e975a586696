//! The floors of the house, decided from the sources: imports go down only, never sideways; foreign crates stay in their rooms; files
//! stay short; the top of the repository holds what was agreed.
//!
//! Sources are read as token trees, so comments, strings and line breaks can't hide or fake a path, and macro bodies count too.

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use proc_macro2::{Delimiter, TokenStream, TokenTree};

    /// Rooms and their floors. A room of `parties` is a folder of its own; what lies directly in `parties` is their common frame.
    const FLOORS: &[(&str, u8)] = &[
        ("base", 0),
        ("invoice", 1),
        ("chain", 1),
        ("ledger", 2),
        ("store", 3),
        ("parties", 3),
        ("parties::tax_bureau", 3),
        ("parties::tencent", 3),
        ("parties::kingdee", 3),
        ("render", 3),
        ("export", 3),
        ("sequencer", 4),
        ("notify", 4),
        ("http", 5),
        ("config", 6),
        ("app", 7),
        ("cli", 8),
        ("main", 8),
        ("lib", 8),
        ("build", 8),
    ];

    /// Which rooms, or single files of one, may name a foreign crate. Crates that are not listed may be named anywhere.
    const CRATES: &[(&str, &[&str])] = &[
        ("diesel", &["store"]),
        ("diesel_migrations", &["store"]),
        ("libsqlite3_sys", &["store"]),
        ("r2d2", &["store"]),
        ("rusqlite", &[]),
        ("actix_web", &["http", "app"]),
        ("tracing_actix_web", &["http", "app"]),
        ("utoipa", &["http"]),
        ("utoipa_swagger_ui", &["http"]),
        ("askama", &["http", "render"]),
        // http::forward: a process that follows carries commands to the one that leads, and is its client.
        ("reqwest", &["parties", "notify", "cli", "http::forward"]),
        ("printpdf", &["render"]),
        ("qrcode", &["render"]),
        ("lopdf", &["render"]),
        ("ttf_parser", &["render"]),
        ("subsetter", &["render"]),
        ("pdf_writer", &["render"]),
        ("libdeflater", &["render"]),
        ("md5", &["render"]),
        ("p256", &["render"]),
        ("k256", &["chain"]),
        ("sha3", &["chain"]),
        ("aws_lc_rs", &["parties"]),
        ("figment", &["config"]),
        ("clap", &["cli"]),
        ("indicatif", &["cli"]),
        ("getrandom", &["base"]),
    ];

    const TOP: &[&str] =
        &["Cargo.lock", "Cargo.toml", "README.md", "fixtures", "migrations", "src", "templates", "tests"];

    /// Keywords that a path with a leading `::` may follow.
    const KEYWORDS: &[&str] = &["use", "as", "in", "return", "impl", "dyn", "for", "mut", "match", "if", "else", "let"];

    const LINES_MAX: usize = 500;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }

    /// Every source file: path below `src`, and text.
    fn sources() -> Vec<(String, String)> {
        let src = root().join("src");
        let mut found = Vec::new();
        files(&src, &mut found);
        found.sort();
        let name = |path: &PathBuf| path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
        found.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
    }

    /// `chain/mod.rs` is `chain`, `store/tx.rs` is `store::tx`.
    fn module_of(file: &str) -> Vec<String> {
        let mut module: Vec<String> = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        module
    }

    /// The room that a module path belongs to, with its floor.
    fn room_of(path: &[String]) -> Option<(&'static str, u8)> {
        let inner = path.get(..2).map(|two| two.join("::"));
        let known = |name: &str| FLOORS.iter().find(|(room, _)| *room == name).copied();
        inner.and_then(|name| known(&name)).or_else(|| known(path.first()?))
    }

    /// Paths as written in a stream, brace groups of imports spread out: each a list of segments.
    #[derive(Default)]
    struct Paths {
        /// Absolute paths inside this crate, without `crate`.
        own: BTreeSet<Vec<String>>,
        /// Paths that begin with a name, `crate`, `self` and `super` left out.
        foreign: BTreeSet<Vec<String>>,
    }

    fn collect(stream: TokenStream, module: &[String], paths: &mut Paths) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                // An inline module: `super` counts from inside it.
                TokenTree::Ident(word) if word == "mod" => {
                    if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                        (tokens.get(at + 1), tokens.get(at + 2))
                    {
                        let inner: Vec<String> = module.iter().cloned().chain([name.to_string()]).collect();
                        collect(body.stream(), &inner, paths);
                        at += 3;
                        continue;
                    }
                    at += 1;
                }
                // `use ::name`: the keyword is no segment of the path behind it.
                TokenTree::Ident(word) if KEYWORDS.iter().any(|keyword| word == keyword) => at += 1,
                TokenTree::Ident(_) => at = path_from(&tokens, at, &[], module, paths),
                TokenTree::Group(group) => {
                    collect(group.stream(), module, paths);
                    at += 1;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => at += 1,
            }
        }
    }

    fn is_colon(token: Option<&TokenTree>) -> bool {
        matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == ':')
    }

    /// Follows a path from an identifier on; gives where to go on.
    fn path_from(tokens: &[TokenTree], start: usize, before: &[String], module: &[String], paths: &mut Paths) -> usize {
        let mut segments = before.to_vec();
        let mut at = start;
        while let Some(TokenTree::Ident(segment)) = tokens.get(at) {
            segments.push(segment.to_string());
            at += 1;
            if !(is_colon(tokens.get(at)) && is_colon(tokens.get(at + 1))) {
                break;
            }
            at += 2;
            if let Some(TokenTree::Group(group)) = tokens.get(at)
                && group.delimiter() == Delimiter::Brace
            {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for item in inner.split(|t| matches!(t, TokenTree::Punct(p) if p.as_char() == ',')) {
                    if item.is_empty() {
                        continue;
                    }
                    if path_from(item, 0, &segments, module, paths) == 0 {
                        note(&segments, module, paths);
                    }
                }
                return at + 1;
            }
        }
        if at > start {
            note(&segments, module, paths);
        }
        at
    }

    fn note(segments: &[String], module: &[String], paths: &mut Paths) {
        let mut rest = segments;
        let mut base = match rest.first().map(String::as_str) {
            Some("crate" | "piaolian") => Vec::new(),
            Some("self" | "super") => module.to_vec(),
            Some(_) => {
                // A crate's name alone is an import of it too: `use diesel;` or `use k256 as k;`.
                if rest.len() > 1 || CRATES.iter().any(|(name, _)| *name == rest[0]) {
                    paths.foreign.insert(rest.to_vec());
                }
                return;
            }
            None => return,
        };
        while let Some(word) = rest.first().map(String::as_str) {
            match word {
                "crate" | "piaolian" | "self" => {}
                "super" => {
                    base.pop();
                }
                _ => break,
            }
            rest = &rest[1..];
        }
        base.extend_from_slice(rest);
        if !base.is_empty() {
            paths.own.insert(base);
        }
    }

    fn paths_of(file: &str, text: &str) -> Paths {
        let stream: TokenStream = text.parse().unwrap_or_else(|e| panic!("src/{file} is no Rust: {e}"));
        let mut paths = Paths::default();
        collect(stream, &module_of(file), &mut paths);
        paths
    }

    /// What a file does that the floors forbid, one sentence each.
    fn violations(file: &str, text: &str) -> Vec<String> {
        let Some((room, floor)) = room_of(&module_of(file)) else {
            return vec![format!("src/{file}: no floor is agreed for this room; design.md 7 must know it")];
        };
        let top = room.split("::").next().unwrap_or(room);
        let module = module_of(file).join("::");
        let paths = paths_of(file, text);
        let mut found = Vec::new();
        for path in &paths.own {
            // What the crate's root itself declares (macros, constants) belongs to no room.
            let Some((other, below)) = room_of(path) else { continue };
            // A folder of `parties` may use the frame around it, and the frame its own folders.
            let framed = room.starts_with(&format!("{other}::")) || other.starts_with(&format!("{room}::"));
            if other != room && !framed && below >= floor && top != "main" && top != "lib" {
                let how = if below == floor { "sideways" } else { "up" };
                found.push(format!("src/{file}: {room} (F{floor}) imports {how}: {} (F{below})", path.join("::")));
            }
        }
        for path in &paths.foreign {
            let allowed = CRATES.iter().find(|(name, _)| *name == path[0]).map(|(_, rooms)| *rooms);
            if allowed.is_some_and(|rooms| !rooms.contains(&top) && !rooms.contains(&module.as_str())) {
                found.push(format!("src/{file}: {} does not belong in {room}", path.join("::")));
            }
            let environment = path.iter().position(|segment| segment == "env");
            let process = path[0] == "std" && environment == Some(1) || path[0] == "env" && path.len() > 1;
            let arguments = top == "main" && path.last().is_some_and(|last| last == "args_os");
            if process && top != "config" && !arguments {
                found.push(format!("src/{file}: {} reads the environment; only config may", path.join("::")));
            }
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            found.push(format!("src/{file}: {lines} lines, {LINES_MAX} are the most; split it by noun"));
        }
        found
    }

    #[test]
    fn imports_go_down_only_and_crates_stay_in_their_rooms() {
        let found: Vec<String> = sources().iter().flat_map(|(file, text)| violations(file, text)).collect();
        assert!(found.is_empty(), "\n{}", found.join("\n"));
    }

    #[test]
    fn every_room_is_read() {
        let rooms: BTreeSet<&str> =
            sources().iter().filter_map(|(file, _)| room_of(&module_of(file))).map(|(room, _)| room).collect();
        let missing: Vec<&str> = FLOORS.iter().map(|(room, _)| *room).filter(|room| !rooms.contains(room)).collect();
        assert!(missing.is_empty(), "no source file of {missing:?} was read");
        let chain =
            paths_of("ledger/x.rs", &std::fs::read_to_string(root().join("src/ledger/command/mod.rs")).unwrap());
        assert!(chain.own.contains(["chain", "hash", "Hash"].map(str::to_owned).as_slice()), "{:?}", chain.own);
    }

    #[test]
    fn every_kind_of_violation_is_seen() {
        let long = "\n".repeat(LINES_MAX + 1);
        let cases: BTreeMap<(&str, &str), &str> = [
            (("ledger/x.rs", "use crate::store::Store;"), "up"),
            (("invoice/x.rs", "use crate::chain::hash::Hash;"), "sideways"),
            (("store/x.rs", "use crate::{base::Code, render::{Face, pdf::{self}}};"), "sideways"),
            (("render/x.rs", "fn f() { crate::store::open(); }"), "sideways"),
            (("notify/x.rs", "macro_rules! m { () => { crate::sequencer::f() } }"), "sideways"),
            (("chain/x.rs", "mod tests { use super::super::super::ledger::Entry; }"), "up"),
            (("sequencer/desk/x.rs", "use super::super::super::http::HttpState;"), "up"),
            (("parties/kingdee/x.rs", "use super::super::tencent::wallet::Wallet;"), "sideways"),
            (("parties/tencent/x.rs", "use crate::parties::kingdee::erp::Erp;"), "sideways"),
            (("config/x.rs", "pub use piaolian::app::Service;"), "up"),
            (("sequencer/x.rs", "use diesel::prelude::*;"), "diesel"),
            (("http/x.rs", "#[derive(diesel::Queryable)] struct R;"), "diesel"),
            (("store/x.rs", "use rusqlite::Connection;"), "rusqlite"),
            (("cli/x.rs", "use ::actix_web::HttpServer;"), "actix_web"),
            (("http/x.rs", "use reqwest as r;"), "reqwest"),
            (("http/routes/forward.rs", "use reqwest::Client;"), "reqwest"),
            (("app/x.rs", "printpdf::PdfDocument::new();"), "printpdf"),
            (("http/x.rs", "use qrcode::{QrCode, EcLevel};"), "qrcode"),
            (("invoice/x.rs", "use k256::ecdsa::Signature;"), "k256"),
            (("ledger/x.rs", "let h = sha3::Keccak256::new();"), "sha3"),
            (("cli/x.rs", "let home = std::env::var_os(name);"), "environment"),
            (("cli/x.rs", "use std::{env, fs};"), "environment"),
            (("main.rs", "let v = std::env::vars();"), "environment"),
            (("attic/x.rs", ""), "no floor"),
            (("base/x.rs", long.as_str()), "lines"),
        ]
        .into();
        for ((file, text), expected) in cases {
            let found = violations(file, text);
            let seen = !found.is_empty() && found.iter().all(|sentence| sentence.contains(expected));
            assert!(seen, "{file} `{}`: {found:?}", text.trim());
        }
    }

    #[test]
    fn what_is_allowed_is_not_reported() {
        for (file, text) in [
            (
                "ledger/x.rs",
                "// use crate::store::Store;\nconst S: &str = \"crate::http::x\"; /// crate::cli::run\nfn f() {}",
            ),
            ("ledger/x.rs", "use crate::{base::Code, chain::Hash, invoice::Draft, ledger::Entry};"),
            ("store/x.rs", "use super::{rows::Row, schema}; use diesel::prelude::*;"),
            ("parties/kingdee/x.rs", "use crate::parties::aead::AeadKey; use super::super::aead::KEY_BYTES;"),
            ("parties/x.rs", "use super::tencent::wallet::Wallet; use crate::parties::kingdee::erp::Erp;"),
            ("http/routes/x.rs", "use super::super::problem::Problem; mod tests { use super::super::super::wire::A; }"),
            ("http/forward.rs", "use reqwest::Client;"),
            ("main.rs", "fn main() { piaolian::cli::run(std::env::args_os()); }"),
            ("config/x.rs", "use std::env; fn f() { std::env::var(name); }"),
            ("cli/x.rs", "const V: &str = env!(\"CARGO_PKG_VERSION\"); use reqwest::Client;"),
        ] {
            assert_eq!(violations(file, text), Vec::<String>::new(), "{file}");
        }
    }

    #[test]
    fn the_top_of_the_repository_is_as_agreed() {
        // Tracked files and those that would be tracked with the next `git add`.
        let output = Command::new("git")
            .args(["-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", "-z"])
            .current_dir(root())
            .output()
            .unwrap_or_else(|e| panic!("git must be installed: {e}"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let listed = String::from_utf8(output.stdout).unwrap();
        let top: BTreeSet<&str> = listed
            .split('\0')
            .filter_map(|path| path.split('/').next())
            .filter(|name| !name.is_empty() && !name.starts_with('.'))
            .collect();
        assert_eq!(top, TOP.iter().copied().collect());
    }
}
