//! How much one address may send. Addresses are forgotten after a minute.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);
/// Addresses that are told apart at once; all beyond share one allowance.
const ADDRESSES: usize = 65_536;
/// How often all of them are looked through for those to forget.
const SWEEP: Duration = Duration::from_secs(1);

/// Counts requests by address.
#[derive(Debug)]
pub(super) struct Limiter {
    per_minute: u32,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    windows: HashMap<Option<IpAddr>, Window>,
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Window {
    begun: Instant,
    requests: u32,
}

impl Limiter {
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            per_minute,
            counts: Mutex::default(),
        }
    }

    /// Whether one more request from `address` may be taken at `now`.
    pub(super) fn admits(&self, address: IpAddr, now: Instant) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = Some(network(address));
        if counts.windows.len() >= ADDRESSES && !counts.windows.contains_key(&key) {
            counts.sweep(now);
            if counts.windows.len() >= ADDRESSES {
                key = None;
            }
        }
        let window = counts.windows.entry(key).or_insert(Window {
            begun: now,
            requests: 0,
        });
        if now.duration_since(window.begun) >= WINDOW {
            *window = Window {
                begun: now,
                requests: 0,
            };
        }
        window.requests = window.requests.saturating_add(1);
        window.requests <= self.per_minute
    }
}

impl Counts {
    /// Forgets whose minute is over, unless that was just done: a flood from addresses
    /// without number must not look through all of them for each of its requests.
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_some_and(|swept| now < swept + SWEEP) {
            return;
        }
        self.swept = Some(now);
        self.windows
            .retain(|_, window| now.duration_since(window.begun) < WINDOW);
    }
}

/// Who has a network of IPv6 has more addresses than can be counted.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = u128::from(address) >> 64 << 64;
            IpAddr::V6(prefix.into())
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_allowance() {
        let limiter = Limiter::new(3);
        let now = Instant::now();
        let [one, two]: [IpAddr; 2] = ["192.0.2.1", "192.0.2.2"].map(|a| a.parse().expect("one"));
        let took = |address| (0..5).filter(|_| limiter.admits(address, now)).count();
        assert_eq!((took(one), took(two), took(one)), (3, 3, 0));
        assert!(
            limiter.admits(one, now + WINDOW),
            "the next minute is another"
        );
        let [a, b]: [IpAddr; 2] = ["2001:db8::1", "2001:db8::2"].map(|a| a.parse().expect("one"));
        assert_eq!((took(a), took(b)), (3, 0), "neighbours are one");
    }

    #[test]
    fn memory_is_bounded() {
        let limiter = Limiter::new(1);
        let now = Instant::now();
        for n in 0..u32::try_from(ADDRESSES).expect("small") + 1_000 {
            limiter.admits(IpAddr::V4(n.into()), now);
        }
        let held = || {
            limiter
                .counts
                .lock()
                .expect("nobody panicked")
                .windows
                .len()
        };
        assert!(held() <= ADDRESSES + 1);
        // Who comes a minute later has an allowance again.
        let address = "2001:db8::1".parse().expect("one");
        assert!(limiter.admits(address, now + WINDOW));
        assert_eq!(held(), 1);
    }

    #[test]
    fn a_flood_of_addresses_is_looked_through_once_a_second() {
        let limiter = Limiter::new(1);
        let now = Instant::now();
        for n in 0..u32::try_from(ADDRESSES).expect("small") + 1_000 {
            limiter.admits(IpAddr::V4(n.into()), now);
        }
        let swept = || limiter.counts.lock().expect("nobody panicked").swept;
        assert_eq!(swept(), Some(now));
        let soon = now + SWEEP / 2;
        limiter.admits("2001:db8::1".parse().expect("one"), soon);
        assert_eq!(swept(), Some(now));
        limiter.admits("2001:db8::2".parse().expect("one"), now + SWEEP);
        assert_eq!(swept(), Some(now + SWEEP));
    }
}
