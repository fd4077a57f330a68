//! Log-spaced latency buckets: 16 to the octave, so that a quantile read from
//! them is at most 2.2 % off. One row per bucket; rows add up.

/// Buckets in each doubling of the value.
const PER_OCTAVE: f64 = 16.0;

/// The bucket of a latency in microseconds. Buckets grow with the value; 0 and
/// 1 µs share bucket 0.
#[must_use]
pub fn bucket_of(micros: u64) -> i16 {
    // The largest u64 lands in bucket 1,024, so the cast cannot overflow.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    let bucket = ((micros.max(1) as f64).log2() * PER_OCTAVE).floor() as i16;
    bucket
}

/// The latency in microseconds that stands for a bucket: its geometric middle.
#[must_use]
pub fn value_of(bucket: i16) -> f64 {
    ((f64::from(bucket) + 0.5) / PER_OCTAVE).exp2()
}

/// The `q`-quantile (0 to 1) of a histogram given as `(bucket, count)` in
/// ascending bucket order, in microseconds; `None` if it is empty.
#[must_use]
pub fn quantile(histogram: &[(i16, i64)], q: f64) -> Option<f64> {
    let total: i64 = histogram.iter().map(|(_, n)| n).sum();
    if total <= 0 {
        return None;
    }
    // Nearest rank: the smallest value with at least q of all at or below it.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    let rank = ((total as f64 * q).ceil() as i64).clamp(1, total);
    let mut seen = 0;
    histogram.iter().find_map(|(bucket, n)| {
        seen += n;
        (seen >= rank).then(|| value_of(*bucket))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bucket_is_at_most_2_2_percent_off(micros in 1_u64..86_400_000_000) {
            #[allow(clippy::cast_precision_loss)]
            let exact = micros as f64;
            prop_assert!((value_of(bucket_of(micros)) / exact - 1.0).abs() <= 0.022);
        }

        #[test]
        fn quantiles_agree_with_sorting(mut values in prop::collection::vec(1_u64..10_000_000, 1..300), q in 0.01..1.0_f64) {
            values.sort_unstable();
            let mut histogram = std::collections::BTreeMap::new();
            for v in &values {
                *histogram.entry(bucket_of(*v)).or_insert(0_i64) += 1;
            }
            let histogram: Vec<_> = histogram.into_iter().collect();
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let exact = values[((values.len() as f64 * q).ceil() as usize).max(1) - 1] as f64;
            let got = quantile(&histogram, q).expect("not empty");
            prop_assert!((got / exact - 1.0).abs() <= 0.022, "{got} against {exact}");
        }
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(bucket_of(0), 0);
        assert_eq!(bucket_of(u64::MAX), 1024);
    }
}
