//! What a run of tests is told from outside: numbers and seeds by variables of the environment, ports by the system.

#![allow(dead_code, reason = "each target that includes this uses its own part")]

use std::sync::atomic::{AtomicU64, Ordering};

use piaolian::base::Clock as _;

/// A variable of the test run.
pub fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the configuration of a test run, not of the program")]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A number of the test run.
pub fn number(name: &str, otherwise: u64) -> u64 {
    variable(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number")))
}

/// The seed of a test, printed so that a run can be repeated by setting the variable of this name.
pub fn seed(name: &str) -> u64 {
    let now = piaolian::base::SystemClock.now().0.unsigned_abs();
    let seed = number(name, now);
    println!("{name}={seed}");
    seed
}

/// A port that is free, and that stays so while whoever listens there is restarted: below the range from which the system takes ports
/// for outgoing connections, of which these tests make thousands.
pub fn free_port() -> u16 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let first = u64::from(std::process::id()) * 37;
    for _ in 0..12_000 {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::SeqCst)) % 12_000;
        let port = u16::try_from(port).unwrap();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port between 20000 and 32000 is free");
}
