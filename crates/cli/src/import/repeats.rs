//! Which of several lines that are alike a line is.

use std::collections::HashMap;

/// Lines that are remembered, and as many before them.
const REMEMBERED: usize = 65_536;

/// How often a line was there. Lines that are alike stand close together, so only the last
/// ones are remembered.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    late: HashMap<[u8; 16], u32>,
    early: HashMap<[u8; 16], u32>,
}

impl Repeats {
    /// The how many-th of its kind a line is, by what it is known by: 1, 2 and so on.
    pub(super) fn nth(&mut self, key: [u8; 16]) -> u32 {
        let before = self.late.get(&key).or_else(|| self.early.get(&key));
        let n = before.copied().unwrap_or_default() + 1;
        self.late.insert(key, n);
        if self.late.len() >= REMEMBERED {
            self.early = std::mem::take(&mut self.late);
        }
        n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_remembered() {
        let mut repeats = Repeats::default();
        let key = |n: u32| {
            let mut key = [0; 16];
            key[..4].copy_from_slice(&n.to_be_bytes());
            key
        };
        assert_eq!([1, 2, 3], std::array::from_fn(|_| repeats.nth(key(0))));
        let more = 0..u32::try_from(REMEMBERED).expect("it fits");
        for n in more {
            assert_eq!(repeats.nth(key(n + 1)), 1);
        }
        assert_eq!(repeats.nth(key(0)), 4, "still known");
    }
}
