//! Sampling: which requests keep their detail. It is decided by the trace, so
//! that a trace is kept whole or not at all, and by nothing else, so that every
//! server decides alike.

use std::fmt;

use crate::trace::TraceId;

/// The share of traces whose detail is kept. What is kept at one rate is kept
/// at every higher one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    rate: f64,
    /// Traces whose hash lies below this are kept; 2⁶⁴ keeps all.
    below: u128,
}

impl Sampling {
    /// Keeps everything.
    pub const ALL: Self = Self {
        rate: 1.0,
        below: 1 << 64,
    };

    /// Keeps a share of 0 to 1; what lies outside counts as the nearer end.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        let rate = rate.clamp(0.0, 1.0);
        // 2⁶⁴ has no u64, and both it and its product with a rate are exact.
        let below = (rate * 2_f64.powi(64)) as u128;
        Self { rate, below }
    }

    /// The share that is kept; `None` if that is everything.
    #[must_use]
    pub fn rate(self) -> Option<f64> {
        (self != Self::ALL).then_some(self.rate)
    }

    /// Whether the requests of a trace keep their detail.
    #[must_use]
    pub fn keeps(self, trace: TraceId) -> bool {
        let (high, low) = trace.0.as_u64_pair();
        u128::from(mix(mix(high) ^ low)) < self.below
    }
}

impl Default for Sampling {
    fn default() -> Self {
        Self::ALL
    }
}

/// In percent: `10 %`.
impl fmt::Display for Sampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 0.07 is not 7 hundredths to the last bit.
        write!(f, "{} %", (self.rate * 1e12).round() / 1e10)
    }
}

/// The `SplitMix64` step: each bit of the input flips half of the output's. Ids
/// begin with their time, so that unmixed a rate would keep whole hours.
const fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::{NoContext, Timestamp, Uuid};

    use super::*;

    fn kept(sampling: Sampling, traces: impl Iterator<Item = u128>) -> usize {
        let traces = traces.map(|id| TraceId(Uuid::from_u128(id)));
        traces.filter(|trace| sampling.keeps(*trace)).count()
    }

    /// Within six standard deviations: chance alone is not seen outside.
    fn assert_share(kept: usize, of: usize, rate: f64) {
        let (n, expected) = (of as f64, rate * of as f64);
        let off = (kept as f64 - expected).abs();
        assert!(
            off <= 6.0 * (n * rate * (1.0 - rate)).sqrt(),
            "{kept} of {of} at {rate}"
        );
    }

    #[test]
    fn a_rate_keeps_its_share_whatever_ids_look_like() {
        const N: usize = 100_000;
        for rate in [0.001, 0.1, 0.25, 0.5, 0.9] {
            let sampling = Sampling::new(rate);
            // Counted, counted in the upper half, and as they are made here.
            assert_share(kept(sampling, (0..N as u128).map(|n| n + 1)), N, rate);
            assert_share(kept(sampling, (0..N as u128).map(|n| n << 64)), N, rate);
            let made = (0..N).map(|n| {
                let at = Timestamp::from_unix(NoContext, 1_764_000_000 + n as u64 / 50, 0);
                Uuid::new_v7(at).as_u128()
            });
            assert_share(kept(sampling, made), N, rate);
        }
    }

    #[test]
    fn the_ends_are_exact() {
        let ids =
            || (0..10_000_u128).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        assert_eq!(kept(Sampling::new(1.0), ids()), 10_000);
        assert_eq!(kept(Sampling::new(0.0), ids()), 0);
        assert_eq!(kept(Sampling::new(f64::NAN), ids()), 0);
        assert_eq!(Sampling::new(2.0), Sampling::ALL);
        assert_eq!(Sampling::ALL.rate(), None);
        assert_eq!(Sampling::new(0.1).rate(), Some(0.1));
    }

    /// Servers of different versions must agree, so the hash never changes.
    #[test]
    fn the_hash_is_the_same_for_ever() {
        let hash = |id: u128| {
            let (high, low) = Uuid::from_u128(id).as_u64_pair();
            mix(mix(high) ^ low)
        };
        assert_eq!(
            mix(0),
            0xe220_a839_7b1d_cdaf,
            "the first of SplitMix64 from 0"
        );
        assert_eq!(hash(0), 0xa706_dd2f_4d19_7e6f);
        assert_eq!(
            hash(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736),
            0x0655_9f8c_234d_1224
        );
    }

    #[test]
    fn reads_as_percent() {
        let shown = [0.1, 0.07, 0.005, 0.29, 1.0].map(|rate| Sampling::new(rate).to_string());
        assert_eq!(shown, ["10 %", "7 %", "0.5 %", "29 %", "100 %"]);
    }

    proptest! {
        #[test]
        fn lowering_the_rate_keeps_a_part_of_it(id in any::<u128>(), a in 0.0..1.0, b in 0.0..1.0) {
            let trace = TraceId(Uuid::from_u128(id));
            let keeps = |rate| Sampling::new(rate).keeps(trace);
            prop_assert!(keeps(f64::max(a, b)) || !keeps(f64::min(a, b)));
        }
    }
}
