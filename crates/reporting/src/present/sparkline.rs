//! A row of figures as one line of blocks: `▁▂▃▄▅▆▇█`.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One block per figure, at most `max` blocks. Heights are measured from zero,
/// so that a small change looks small; a figure that is missing is a gap. Where
/// there are more figures than room, neighbours share a block that shows the
/// highest of them, so that no peak is lost.
#[must_use]
pub fn sparkline(figures: &[Option<f64>], max: usize) -> String {
    let Some(share) = figures
        .len()
        .div_ceil(max.max(1))
        .checked_sub(1)
        .map(|n| n + 1)
    else {
        return String::new();
    };
    let merged: Vec<Option<f64>> = figures
        .chunks(share)
        .map(|some| some.iter().copied().flatten().reduce(f64::max))
        .collect();
    let top = merged.iter().copied().flatten().fold(0.0, f64::max);
    merged
        .into_iter()
        .map(|figure| match figure {
            None => ' ',
            Some(figure) => BLOCKS[height(figure, top)],
        })
        .collect()
}

/// The block of a figure: only the lowest block may stand for zero, and what is
/// not zero never looks like it where two blocks are to be had.
fn height(figure: f64, top: f64) -> usize {
    if figure <= 0.0 || top <= 0.0 {
        return 0;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 1 to 7
    let step = (figure / top * 7.0).ceil().clamp(1.0, 7.0) as usize;
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(figures: &[f64], max: usize) -> String {
        sparkline(&figures.iter().copied().map(Some).collect::<Vec<_>>(), max)
    }

    #[test]
    fn draws_from_zero_to_the_highest() {
        assert_eq!(
            line(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 80),
            "▁▂▃▄▅▆▇█"
        );
        assert_eq!(line(&[0.0, 0.0], 80), "▁▁");
        assert_eq!(line(&[1000.0, 0.001], 80), "█▂");
        assert_eq!(line(&[], 80), "");
        assert_eq!(sparkline(&[Some(1.0), None, Some(1.0)], 80), "█ █");
    }

    #[test]
    fn a_peak_survives_when_room_is_short() {
        assert_eq!(line(&[0.0, 9.0, 0.0, 0.0, 0.0], 3), "█▁▁");
        assert!(line(&[1.0; 1000], 60).chars().count() <= 60);
    }
}
