//! Rosters that do not count, and seals that do not seal.

use piaolian::chain::{Change, change_text, header_hash, keccak256, next_roster, statement_hash};
use serde_json::{Value, json};

use crate::forged_drafts::{ORDER, bare_signature};
use crate::forgeries::{Forged, list, resealed, with, with_text};
use crate::golden::high_s;
use crate::scene::{name, roster, seal_key};
use crate::world::{BEFORE, INVOICE, NEWEST, ROTATED, World, parsed, seal, text, vote};

pub fn forge(world: &World, forged: &mut Forged) {
    rosters(world, forged);
    members(world, forged);
    rounds(world, forged);
    votes(world, forged);
    signatures(world, forged);
    headers(world, forged);
    quorums(world, forged);
}

fn rosters(world: &World, forged: &mut Forged) {
    let four = &world.four;
    let receipt = four.receipt(INVOICE, BEFORE, false);
    let mut unknown = |name, what, document: &Value, rosters| {
        forged.add(name, what, document, "ROSTER_UNKNOWN", "header.members").rosters = rosters;
    };
    unknown("no roster", "a valid receipt, and no roster is trusted", &receipt, "none");
    unknown(
        "other roster",
        "a valid receipt, and the roster of another chain with the same members is trusted",
        &receipt,
        "three",
    );
    let rotated = four.receipt(INVOICE, ROTATED, false);
    unknown(
        "roster not heard of",
        "a valid receipt from after a rotation, and only the roster before it is trusted",
        &rotated,
        "four, the first only",
    );
    let own = roster(0, &[("tax-bureau", 1)]);
    let forger = with_text(&receipt, "header", |h| h["members"] = json!(own.hash()));
    let header = forger["header"].as_str().unwrap();
    let sealed = with(&forger, |d| d["seals"] = json!([seal(header, "tax-bureau", "forger", 0)]));
    unknown(
        "roster of the forger's own",
        "the header names a roster that the forger made, and is sealed by it",
        &sealed,
        "four",
    );
    let early = resealed(four, &receipt, |h| h["members"] = json!(four.terms[1].roster.hash()));
    unknown(
        "roster from a later height",
        "the header names the roster that counts from the next height on, sealed by everybody",
        &early,
        "four",
    );
    let newest = four.receipt(INVOICE, NEWEST, false);
    for (term, rosters, title, what) in [
        (0, "four", "superseded roster", "the newest header names the founding roster, and is sealed by all its keys"),
        (
            1,
            "four",
            "roster just superseded",
            "the newest header names the roster before its own, and is sealed by all its keys",
        ),
    ] {
        let mut old = with_text(&newest, "header", |h| h["members"] = json!(four.terms[term].roster.hash()));
        let header = old["header"].as_str().unwrap().to_owned();
        let seats = &four.terms[term].seats;
        old["seals"] = seats.iter().map(|(member, _, key)| seal(&header, member, key, 0)).collect();
        forged.add(title, what, &old, "ROSTER_SUPERSEDED", "header.members").rosters = rosters;
    }
}

fn members(world: &World, forged: &mut Forged) {
    let receipt = world.four.receipt(INVOICE, BEFORE, false);
    let newest = world.four.receipt(INVOICE, NEWEST, false);
    let header = receipt["header"].as_str().unwrap();
    let mut bad = |title, what, document: &Value, verdict, field: &str| {
        forged.add(title, what, document, verdict, field);
    };
    let added = with(&receipt, |d| list(&mut d["seals"]).push(seal(header, "forger", "forger", 0)));
    bad(
        "stranger's seal",
        "behind the seals of all members stands one by nobody",
        &added,
        "SEAL_STRANGER",
        "seals[4].member",
    );
    let joined = with(&receipt, |d| d["seals"][0] = seal(header, "bank", "bank", 0));
    bad(
        "seal of a member to come",
        "a member that joins at a later height has sealed",
        &joined,
        "SEAL_STRANGER",
        "seals[0].member",
    );
    let left = with(&newest, |d| d["seals"][0] = seal(newest["header"].as_str().unwrap(), "auditor", "auditor", 0));
    bad(
        "seal of a member that left",
        "a member that has left has sealed with the key it had",
        &left,
        "SEAL_STRANGER",
        "seals[0].member",
    );
    let twice = with(&receipt, |d| d["seals"][3] = d["seals"][0].clone());
    bad(
        "duplicate seal",
        "the first seal stands again in place of the last",
        &twice,
        "SEAL_DUPLICATE",
        "seals[3].member",
    );
    let again = with(&receipt, |d| list(&mut d["seals"]).push(seal(header, "kingdee", "kingdee", 1)));
    bad(
        "seals of one member in two rounds",
        "a member's vote of the next round stands behind all seals",
        &again,
        "SEAL_DUPLICATE",
        "seals[4].member",
    );
    let borrowed = with(&receipt, |d| d["seals"][1] = seal(header, "kingdee", "tencent", 0));
    bad(
        "seal under another member's name",
        "a member's seal is made with the key of another, who has sealed too",
        &borrowed,
        "SEAL_BAD",
        "seals[1].signature",
    );
    let exchanged = with(&receipt, |d| {
        (d["seals"][0]["member"], d["seals"][1]["member"]) = (json!("kingdee"), json!("auditor"));
    });
    bad("names exchanged", "two seals have exchanged their members", &exchanged, "SEAL_BAD", "seals[0].signature");
    let invented = with(&receipt, |d| d["seals"][2] = seal(header, "tax-bureau", "forger", 0));
    bad(
        "seal with a stranger's key",
        "a seal under a member's name is made with a key of the forger's",
        &invented,
        "SEAL_BAD",
        "seals[2].signature",
    );
    let rotated = world.four.receipt(INVOICE, ROTATED, false);
    let old_key =
        with(&rotated, |d| d["seals"][3] = seal(rotated["header"].as_str().unwrap(), "tencent", "tencent", 0));
    bad(
        "old key after rotation",
        "a member has sealed with the key that was replaced at this height",
        &old_key,
        "SEAL_BAD",
        "seals[3].signature",
    );
    let new_key = with(&receipt, |d| d["seals"][3] = seal(header, "tencent", "tencent-2", 0));
    bad(
        "new key before rotation",
        "a member has sealed with the key that counts from the next height on",
        &new_key,
        "SEAL_BAD",
        "seals[3].signature",
    );
}

fn rounds(world: &World, forged: &mut Forged) {
    let receipt = world.four.receipt(INVOICE, BEFORE, false);
    let header = receipt["header"].as_str().unwrap();
    let mixed = with(&receipt, |d| d["seals"][2] = seal(header, "tax-bureau", "tax-bureau", 1));
    forged.add(
        "vote of another round",
        "one seal is that member's good vote of the next round",
        &mixed,
        "SEAL_ROUND_MISMATCH",
        "seals[2].round",
    );
    let first = with(&receipt, |d| d["seals"][0] = seal(header, "auditor", "auditor", 7));
    forged.add(
        "first vote of another round",
        "the first seal is that member's good vote of another round",
        &first,
        "SEAL_ROUND_MISMATCH",
        "seals[1].round",
    );
    let claimed = with(&receipt, |d| list(&mut d["seals"]).iter_mut().for_each(|seal| seal["round"] = json!(1)));
    forged.add(
        "round altered in all seals",
        "all seals say the next round, and are votes of the first",
        &claimed,
        "SEAL_BAD",
        "seals[0].signature",
    );
}

/// Seals that are good signatures of their members, over something else than the vote.
fn votes(world: &World, forged: &mut Forged) {
    let receipt = world.four.receipt(INVOICE, BEFORE, false);
    let header = receipt["header"].as_str().unwrap();
    let hash = header_hash(header);
    let mut over = |name, what, signature: String| {
        let document = with(&receipt, |d| d["seals"][1]["signature"] = json!(signature));
        forged.add(name, what, &document, "SEAL_BAD", "seals[1].signature");
    };
    let kingdee = |hash| bare_signature("kingdee", &hash);
    let said = |edit: &dyn Fn(&mut Value)| {
        let mut ballot = parsed(&vote(header, 0));
        edit(&mut ballot);
        kingdee(keccak256(text(&ballot)))
    };
    over("seal over the header hash", "a member has signed the header's hash and not the vote", kingdee(hash));
    over(
        "seal over the header's text",
        "a member has signed keccak256 of the header's text",
        kingdee(keccak256(header)),
    );
    over(
        "seal over the root",
        "a member has signed the tree's root",
        kingdee(parsed(header)["root"].as_str().unwrap().parse().unwrap()),
    );
    over(
        "seal with a personal message's prefix",
        "a member has signed the vote as an EIP-191 message",
        kingdee(piaolian::chain::eip191_hash(&vote(header, 0))),
    );
    over(
        "seal with the first byte of statements",
        "a member has signed the vote as if it were a change of the roster",
        kingdee(statement_hash(&vote(header, 0))),
    );
    over(
        "vote for another height",
        "a member has voted for this header hash at the next height",
        said(&|ballot| ballot["height"] = json!(5)),
    );
    over(
        "vote on another chain",
        "a member has voted for this header hash on another chain",
        said(&|ballot| ballot["chain"] = json!("shenzhen-production")),
    );
    over("vote version 2", "a member has signed a vote that says version 2", said(&|ballot| ballot["v"] = json!(2)));
    over(
        "vote without round",
        "a member has signed a vote without its round",
        said(&|ballot| drop(ballot.as_object_mut().unwrap().remove("round"))),
    );
    over(
        "vote with space",
        "a member has signed the vote's text with a space behind it",
        kingdee(keccak256(format!("{} ", vote(header, 0)))),
    );
    over(
        "prevote",
        "a member has signed a vote that says that it is an earlier step",
        said(&|ballot| ballot["step"] = json!("prevote")),
    );
    let founders = &world.four.terms[0].roster;
    let change = Change::Rotate { member: name("tencent"), key: seal_key("tencent-2").public() };
    let statement = change_text(founders, &next_roster(founders, &change, 5).unwrap(), &change).unwrap();
    over(
        "statement as a seal",
        "the seal is the member's signature of the change of the roster",
        kingdee(statement_hash(&statement)),
    );
    let other = vote(&world.four.headers[BEFORE - 1], 0);
    over("seal of the block before", "a member's seal is its vote for the header before", kingdee(keccak256(other)));
}

fn signatures(world: &World, forged: &mut Forged) {
    let receipt = world.four.receipt(INVOICE, BEFORE, false);
    let good = receipt["seals"][1]["signature"].as_str().unwrap().to_owned();
    let (r, s) = good.split_at(64);
    let zero = "0".repeat(64);
    let mut padded = [27; 65];
    hex::decode_to_slice(&good, &mut padded[..64]).unwrap();
    let mut bad = |name, what, signature: String| {
        let document = with(&receipt, |d| d["seals"][1]["signature"] = json!(signature));
        forged.add(name, what, &document, "SEAL_BAD", "seals[1].signature");
    };
    bad(
        "high-S seal",
        "s of a seal is n - s: the same key over the same vote, in a second form",
        high_s(padded).to_string().split_at(128).0.to_owned(),
    );
    bad("seal's r is 0", "r of a seal is 0", format!("{zero}{s}"));
    bad("seal's s is 0", "s of a seal is 0", format!("{r}{zero}"));
    bad("seal's r is n", "r of a seal is the order", format!("{ORDER}{s}"));
    bad("seal's s is n", "s of a seal is the order", format!("{r}{ORDER}"));
    bad("seal of zeros", "a seal's signature is 64 zero bytes", format!("{zero}{zero}"));
    bad("seal's s and r exchanged", "r and s of a seal have changed places", format!("{s}{r}"));
    let flipped = if good.ends_with('0') { "1" } else { "0" };
    bad(
        "bit of a seal altered",
        "the last digit of a seal's signature is another",
        format!("{}{flipped}", good.split_at(127).0),
    );
}

/// Headers that were altered and keep the seals that they had.
fn headers(world: &World, forged: &mut Forged) {
    let receipt = world.four.receipt(INVOICE, BEFORE, false);
    let mut altered = |name, what, edit: &dyn Fn(&mut Value)| {
        forged.add(name, what, &with_text(&receipt, "header", edit), "SEAL_BAD", "seals[0].signature");
    };
    altered("header's time altered", "the header is dated a second later, with its seals", &|h| {
        h["time"] = json!(h["time"].as_i64().unwrap() + 1_000)
    });
    altered("header's proposer altered", "the header names another proposer, with its seals", &|h| {
        h["proposer"] = json!("kingdee")
    });
    altered("header's prev altered", "the header follows another, with its seals", &|h| {
        h["prev"] = json!(keccak256("another past"))
    });
    altered("header's next roster altered", "the header names another roster for the next, with its seals", &|h| {
        h["next_members"] = json!(world.four.terms[2].roster.hash())
    });
    altered("header's state altered", "the header commits to other states, with its seals", &|h| {
        h["state"] = json!(keccak256("other states"))
    });
    // The inclusion proof does not see it: in a tree of 16 the path has the same length and leads to the same root.
    altered("header's size altered", "the header's size is four more, with its seals", &|h| h["size"] = json!(16));
    altered("header's height altered", "the header says the height before, with its seals", &|h| {
        h["height"] = json!(3)
    });
    altered("header without its state", "the header is rewritten as version 1, with its seals", &|h| {
        h["v"] = json!(1);
        h.as_object_mut().unwrap().remove("state");
    });
    let empty = ROTATED + 1;
    let idle = with(&world.four.receipt(INVOICE, empty, false), |d| d["header"] = json!(world.four.headers[ROTATED]));
    let what =
        "the header is that of the block before, of the same size, root and states; the seals are those of the next";
    forged.add("header of another height with the same size", what, &idle, "SEAL_BAD", "seals[0].signature");
    let sealed_before = with(&receipt, |d| d["seals"] = json!(world.four.seals(&world.four.headers[BEFORE - 1], 0)));
    forged.add(
        "seals of another header",
        "all seals are those of the header before",
        &sealed_before,
        "SEAL_BAD",
        "seals[0].signature",
    );
}

fn quorums(world: &World, forged: &mut Forged) {
    let keep = |receipt: Value, members: &[&str]| {
        with(&receipt, |d| list(&mut d["seals"]).retain(|seal| members.contains(&seal["member"].as_str().unwrap())))
    };
    let mut below = |name, what, document: Value, rosters| {
        forged.add(name, what, &document, "SEALS_BELOW_QUORUM", "seals").rosters = rosters;
    };
    let four = || world.four.receipt(INVOICE, BEFORE, false);
    below("no seals", "the list of seals is empty", keep(four(), &[]), "four");
    below("one seal", "one of four members has sealed", keep(four(), &["tax-bureau"]), "four");
    below(
        "quorum minus one",
        "two of four members have sealed, where three are a quorum",
        keep(four(), &["kingdee", "tencent"]),
        "four",
    );
    let three = world.three.receipt(1, 2, false);
    below(
        "exactly two thirds",
        "two of three members have sealed, which is two thirds and not more",
        keep(three, &["auditor", "kingdee"]),
        "three",
    );
    let seven = || world.seven.receipt(1, 2, false);
    below(
        "exactly two thirds by power",
        "members with ten of fifteen votes have sealed",
        keep(seven(), &["a", "b", "c"]),
        "seven",
    );
    below(
        "many members with little power",
        "six of seven members have sealed, with ten of fifteen votes",
        keep(seven(), &["b", "c", "d", "e", "f", "g"]),
        "seven",
    );
    below("the heaviest alone", "the member with a third of the power has sealed", keep(seven(), &["a"]), "seven");
    let newest = world.four.receipt(INVOICE, NEWEST, false);
    below(
        "all but the heavy one",
        "three of four members have sealed, with three of five votes",
        keep(newest, &["kingdee", "tax-bureau", "tencent"]),
        "four",
    );
    let one = keep(world.one.receipt(1, 2, false), &[]);
    below("no seal of one", "the only member has not sealed", one, "one");
    let proof = world.four.state_proof(&world.four.invoices[&INVOICE], BEFORE);
    below(
        "state proof below the quorum",
        "two of four members have sealed the header of a state proof",
        keep(proof, &["auditor", "tencent"]),
        "four",
    );
}
