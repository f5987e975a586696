//! Clock trouble: jumps of a second, a day and ten years, backwards inside a run, over midnight, the ends of month, year and February.
//! Block times never decrease, legal dates never decrease within a code, no number is lost, or the command is refused with a reason
//! and nothing is recorded.
//!
//! Every story prints its seed; `CLOCK_SEED=n` plays that one alone. 50 seeds a story on SQLite, 5 on PostgreSQL: clocks are no
//! business of the database.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use futures_util::future::join_all;
use piaolian::app::Service;
use piaolian::base::clock::FixedClock;
use piaolian::base::{Class, Clock as _, Code, LegalDate, UnixMs};
use piaolian::chain::Header;
use piaolian::ledger::Entry;
use piaolian::sequencer::Config;

use super::scene::{self, NOON, draft, key};
use crate::database::{Kind, Template, TestDatabase, kind};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 1_440 * MINUTE;
const TEN_YEARS: i64 = 3_652 * DAY;

/// What a clock may be wrong by without anything being refused.
const JUMP_MAX: i64 = 10 * MINUTE;

/// Jumps up to here are near that: whether they are refused depends on what was accepted before. What is beyond is always refused.
const NEAR: i64 = 2 * JUMP_MAX;

/// Midnight in Shenzhen, when these days begin.
const NOV_23: i64 = NOON.0 + DAY / 2;
const DEC_1: i64 = NOV_23 + 8 * DAY;
const JAN_1: i64 = DEC_1 + 31 * DAY;
/// 2028: 365 days of 2027, 31 of January, 28 of February.
const FEB_29: i64 = JAN_1 + (365 + 31 + 28) * DAY;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 to `below` - 1.
    fn below(&mut self, below: i64) -> i64 {
        i64::try_from(self.next() % u64::try_from(below).unwrap()).unwrap()
    }
}

/// Files of a folder.
type Files = Vec<(String, Vec<u8>)>;

/// A ledger with one merchant, sealed at noon, and its keys. Made once.
fn ground() -> &'static (Template, Files) {
    static GROUND: OnceLock<(Template, Files)> = OnceLock::new();
    GROUND.get_or_init(|| {
        let (keys, database) = (tempfile::tempdir().unwrap(), TestDatabase::empty());
        scene::make_keys(keys.path());
        scene::block_on(async {
            let service = scene::start(&database, keys.path(), Arc::new(FixedClock::at(NOON))).await;
            scene::register(service.desk(), 1, None).await;
            service.stop().await;
        });
        let files = std::fs::read_dir(keys.path()).unwrap().map(Result::unwrap);
        let files = files.map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap()));
        (database.into_template(), files.collect())
    })
}

/// Runs stories; the ground is made before, in a runtime of its own.
fn play<T>(stories: impl Future<Output = T>) -> T {
    ground();
    scene::block_on(stories)
}

fn unpack(files: &[(String, Vec<u8>)], folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    for (name, bytes) in files {
        let file = folder.join(name);
        std::fs::write(&file, bytes).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// A service with a clock of its own, and what it was asked.
struct Story {
    name: &'static str,
    seed: u64,
    random: Random,
    keys: tempfile::TempDir,
    database: TestDatabase,
    clock: Arc<FixedClock>,
    service: Service,
    asked: u64,
    accepted: u64,
    /// How much passes between two commands while the clock is wrong, at most.
    pause: i64,
    /// The furthest origin of the clock with which something was accepted.
    believed: i64,
    /// How much had passed when it was believed last.
    since: i64,
}

/// Where the chain ends: height, entries, block time.
type End = (u64, u64, i64);

impl Story {
    async fn begin(name: &'static str, seed: u64) -> Self {
        println!("clocks: {name}, CLOCK_SEED={seed}");
        let (template, files) = ground();
        let (database, keys) = (template.copy(), tempfile::tempdir().unwrap());
        unpack(files, keys.path());
        let clock = Arc::new(FixedClock::at(NOON));
        let service = scene::start(&database, keys.path(), Arc::<FixedClock>::clone(&clock)).await;
        Self {
            name,
            seed,
            random: Random(seed),
            keys,
            database,
            clock,
            service,
            asked: 0,
            accepted: 0,
            pause: MINUTE,
            believed: NOON.0,
            since: 0,
        }
    }

    fn said(&self) -> String {
        format!("{}, CLOCK_SEED={}, command {}", self.name, self.seed, self.asked)
    }

    fn end(&self) -> End {
        let block = self.service.desk().store().read_blocking(|reader| reader.checkpoint()).unwrap().unwrap();
        (block.height, block.size, Header::from_text(&block.header).unwrap().time.0)
    }

    /// What the wall clock showed when nothing had passed.
    fn origin(&self) -> i64 {
        self.wall() - i64::try_from(self.clock.elapsed().as_millis()).unwrap()
    }

    fn wall(&self) -> i64 {
        self.clock.now().0
    }

    /// Real time passes.
    fn pass(&self, ms: i64) {
        self.clock.set(UnixMs(self.wall() + ms));
    }

    /// Nothing passes, but the wall clock is moved.
    fn jump(&self, ms: i64) {
        self.clock.jump(UnixMs(self.wall() + ms));
    }

    /// Asks for some invoices at once; gives the code that all were refused with.
    async fn ask(&mut self, invoices: u64) -> Result<Vec<Entry>, Code> {
        let names: Vec<u64> = (self.asked..self.asked + invoices).collect();
        self.asked += invoices;
        let desk = self.service.desk();
        let asked = names.iter().map(|nth| scene::issue(desk, 1, key(format!("clock-{nth}")), draft(1_000, None)));
        let answers = join_all(asked).await;
        let mut entries = Vec::new();
        let mut codes = BTreeSet::new();
        for answer in answers {
            match answer {
                Ok(recorded) => entries.push(Entry::parse(&recorded.receipt.entry).unwrap()),
                Err(faults) => {
                    codes.insert(faults.first().unwrap().code);
                }
            }
        }
        assert!(entries.is_empty() || codes.is_empty(), "{}: some refused: {codes:?}", self.said());
        self.accepted += u64::try_from(entries.len()).unwrap();
        match codes.pop_first() {
            Some(code) => Err(code),
            None => Ok(entries),
        }
    }

    /// Some invoices, which get the time of the wall clock or, when that is behind, of the newest block.
    async fn accepts(&mut self) {
        let time = self.wall().max(self.end().2);
        let invoices = 1 + self.random.next() % 3;
        let entries = self.ask(invoices).await;
        let entries = entries.unwrap_or_else(|code| panic!("{}: {code}", self.said()));
        assert!(entries.iter().all(|entry| entry.time.0 == time), "{}: {time}, {entries:?}", self.said());
        // It rises no faster than clocks drift.
        let elapsed = i64::try_from(self.clock.elapsed().as_millis()).unwrap();
        self.believed = self.believed.max(self.origin().min(self.believed + (elapsed - self.since) / 100));
        self.since = elapsed;
    }

    /// Some commands, all refused and nothing recorded. Asked again under the same keys when the clock is right, they are accepted.
    async fn refuses(&mut self, code: Code) {
        // No invoice could be issued then: the desk sees that before the sequencer does.
        let code = if LegalDate::of(self.clock.now()).is_err() { Code::ClockOutOfRange } else { code };
        let before = self.end();
        let invoices = 1 + self.random.next() % 3;
        let refused = self.ask(invoices).await.unwrap_err();
        assert_eq!((refused, refused.class()), (code, Class::Busy), "{}", self.said());
        assert_eq!(self.end(), before, "{}", self.said());
        self.asked -= invoices;
    }

    /// The wall clock is moved, some time passes, and it is put right.
    async fn suffers(&mut self, jump: i64) {
        self.jump(jump);
        for _ in 0..1 + self.random.below(3) {
            let ahead = self.origin() > self.believed + JUMP_MAX;
            let behind = self.wall() < self.end().2 - JUMP_MAX;
            match (ahead, behind) {
                (true, _) => self.refuses(Code::SeqClockAhead).await,
                (_, true) => self.refuses(Code::SeqClockBehind).await,
                (false, false) => self.accepts().await,
            }
            if jump.abs() > NEAR || jump.abs() <= SECOND {
                assert_eq!((ahead, behind), (jump > NEAR, jump < -NEAR), "{}: a jump of {jump}", self.said());
            }
            let ms = self.random.below(self.pause);
            self.pass(ms);
        }
        self.jump(-jump);
        self.accepts().await;
    }

    /// Stops the service and holds everything that was recorded against what must hold whatever the clock did. Gives the legal dates and
    /// the codes in the order of the ledger.
    async fn ends(self) -> (Vec<LegalDate>, Vec<String>) {
        let said = self.said();
        let Self { service, database, accepted, keys, .. } = self;
        let (roster, store) = (service.roster.clone(), service.desk().store().clone());
        service.stop().await;
        let mut raw = database.raw();
        let mut times = Vec::new();
        for header in raw.texts("SELECT header AS line FROM blocks ORDER BY height") {
            times.push(Header::from_text(&header).unwrap().time);
        }
        assert!(times.is_sorted(), "{said}: {times:?}");
        let texts = raw.texts("SELECT entry AS line FROM entries WHERE kind = 'issue' ORDER BY idx");
        let entries: Vec<Entry> = texts.iter().map(|text| Entry::parse(text).unwrap()).collect();
        assert_eq!(u64::try_from(entries.len()).unwrap(), accepted, "{said}: recorded and answered");
        let mut series: BTreeMap<String, Vec<(u32, LegalDate)>> = BTreeMap::new();
        for entry in &entries {
            let (code, date) = (entry.code.unwrap().to_string(), entry.date.unwrap());
            assert_eq!(date, LegalDate::of(entry.time).unwrap(), "{said}");
            series.entry(code).or_default().push((entry.number.unwrap().get(), date));
        }
        for (code, issued) in &series {
            let numbers = issued.iter().map(|(number, _)| *number);
            assert!(numbers.eq(1..=u32::try_from(issued.len()).unwrap()), "{said}: numbers of {code}: {issued:?}");
            assert!(issued.iter().map(|(_, date)| date).is_sorted(), "{said}: dates of {code}: {issued:?}");
        }
        let report = crate::database::audited(&store, &[roster]);
        assert!(report.is_clean(), "{said}: {:#?}", report.findings);
        drop(keys);
        let mut codes: Vec<String> = entries.iter().map(|entry| entry.code.unwrap().to_string()).collect();
        let mut dates: Vec<LegalDate> = entries.iter().map(|entry| entry.date.unwrap()).collect();
        codes.dedup();
        dates.dedup();
        (dates, codes)
    }
}

fn seeds() -> Vec<u64> {
    let most = match kind() {
        Kind::Sqlite => 50,
        Kind::Postgres => 5,
    };
    #[expect(clippy::disallowed_methods, reason = "the configuration of a test run, not of the program")]
    let named = std::env::var("CLOCK_SEED").ok();
    named.map_or_else(|| (1..=most).collect(), |seed| vec![seed.parse().unwrap()])
}

#[test]
fn a_clock_that_jumps_is_followed_a_little_and_refused_beyond_until_it_is_right() {
    play(async {
        for seed in seeds() {
            let mut story = Story::begin("jumps", seed).await;
            story.accepts().await;
            let mut jumps =
                [1, -1].map(|sign| [SECOND, JUMP_MAX, JUMP_MAX + 1, DAY, TEN_YEARS].map(|ms| sign * ms)).concat();
            while !jumps.is_empty() {
                let most = i64::try_from(jumps.len()).unwrap();
                let jump = jumps.swap_remove(usize::try_from(story.random.below(most)).unwrap());
                // Blocks of the same time as the clock, so that a jump back is one behind the newest block by as much.
                story.suffers(jump).await;
                let ms = story.random.below(3 * 60 * MINUTE);
                story.pass(ms);
                story.accepts().await;
            }
            story.ends().await;
        }
    });
}

#[test]
fn a_clock_that_goes_back_inside_a_run_stops_nothing() {
    play(async {
        for seed in seeds() {
            let mut story = Story::begin("backwards inside a run", seed).await;
            for _ in 0..12 {
                // It is moved while commands are under way.
                let clock = Arc::clone(&story.clock);
                let base = story.wall().max(story.end().2);
                let moves: Vec<i64> = (0..20).map(|_| base - story.random.below(JUMP_MAX)).collect();
                let mover = tokio::spawn(async move {
                    for wall in moves {
                        clock.jump(UnixMs(wall));
                        tokio::time::sleep(std::time::Duration::from_micros(200)).await;
                    }
                });
                let entries = story.ask(8).await.unwrap_or_else(|code| panic!("{}: {code}", story.said()));
                assert_eq!(entries.len(), 8);
                mover.await.unwrap();
                story.clock.jump(UnixMs(base));
                let ms = story.random.below(MINUTE);
                story.pass(ms);
            }
            story.ends().await;
        }
    });
}

/// Goes over a midnight with jumps on both sides of it, which must not bring the old day back.
async fn over(story: &mut Story, midnight: i64) {
    // Four times three pauses and no more than two seconds: midnight does not come meanwhile.
    story.pause = 2 * SECOND / 12;
    story.clock.set(UnixMs(midnight - 2 * SECOND - story.random.below(20 * SECOND)));
    story.accepts().await;
    for jump in [-1, -story.random.below(JUMP_MAX), DAY, -DAY] {
        story.suffers(jump).await;
    }
    assert!(story.wall() < midnight);
    story.clock.set(UnixMs(midnight - 1));
    story.accepts().await;
    story.clock.set(UnixMs(midnight + story.random.below(2) * story.random.below(SECOND)));
    story.accepts().await;
    story.pause = MINUTE;
    for jump in [-1, -SECOND, -story.random.below(JUMP_MAX), DAY, -DAY, TEN_YEARS, -TEN_YEARS] {
        story.suffers(jump).await;
    }
}

/// Plays a story over midnights; gives the distinct dates and codes of each seed.
fn over_all(name: &'static str, midnights: &[i64]) -> Vec<(Vec<String>, Vec<String>)> {
    play(async {
        let mut seen = Vec::new();
        for seed in seeds() {
            let mut story = Story::begin(name, seed).await;
            for midnight in midnights {
                over(&mut story, *midnight).await;
            }
            let (dates, codes) = story.ends().await;
            seen.push((dates.iter().map(ToString::to_string).collect(), codes));
        }
        seen
    })
}

#[test]
fn midnight_in_shanghai_changes_the_legal_date_once() {
    for (dates, codes) in over_all("midnight", &[NOV_23]) {
        assert_eq!((dates, codes), (vec!["2026-11-22".into(), "2026-11-23".into()], vec!["144032609110".into()]));
    }
}

#[test]
fn the_end_of_a_month_changes_the_legal_date_once() {
    for (dates, codes) in over_all("month end", &[DEC_1]) {
        assert_eq!((dates, codes), (vec!["2026-11-30".into(), "2026-12-01".into()], vec!["144032609110".into()]));
    }
}

#[test]
fn the_end_of_a_year_begins_a_new_code_with_number_one() {
    // That numbers run from 1 within each code is held against every story's ledger.
    for (dates, codes) in over_all("year end", &[JAN_1]) {
        assert_eq!(dates, ["2026-12-31", "2027-01-01"]);
        assert_eq!(codes, ["144032609110", "144032709110"]);
    }
}

#[test]
fn a_leap_day_is_a_day() {
    for (dates, _) in over_all("leap day", &[FEB_29, FEB_29 + DAY]) {
        assert_eq!(dates, ["2028-02-28", "2028-02-29", "2028-03-01"]);
    }
}

#[test]
fn a_start_far_from_the_newest_block_is_refused_until_the_clock_is_right_or_the_operator_says_so() {
    play(async {
        for (days, gap, refused) in [
            (31, 31, None),
            (32, 31, Some(Code::SeqClockAhead)),
            (32, 40, None),
            (3_652, 40, Some(Code::SeqClockAhead)),
            (-1, 31, Some(Code::SeqClockBehind)),
            (-3_000, 31, Some(Code::SeqClockBehind)),
        ] {
            let mut story = Story::begin("start", 1).await;
            story.accepts().await;
            story.service.stop().await;
            let clock = Arc::new(FixedClock::at(UnixMs(NOON.0 + days * DAY)));
            let config = Config { clock_gap_max_days: gap, ..Config::default() };
            let again = Arc::<FixedClock>::clone(&clock);
            let service = scene::try_start(&story.database, story.keys.path(), again, config).await.unwrap();
            story = Story { clock, service, ..story };
            match refused {
                None => story.accepts().await,
                Some(code) => {
                    story.refuses(code).await;
                    story.clock.jump(UnixMs(NOON.0 + MINUTE));
                    story.accepts().await;
                }
            }
            story.ends().await;
        }
    });
}
