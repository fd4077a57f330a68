//! The times of access logs: `17/May/2015:10:05:03 +0000`.

use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

const MONTHS: [(&[u8], Month); 12] = [
    (b"Jan", Month::January),
    (b"Feb", Month::February),
    (b"Mar", Month::March),
    (b"Apr", Month::April),
    (b"May", Month::May),
    (b"Jun", Month::June),
    (b"Jul", Month::July),
    (b"Aug", Month::August),
    (b"Sep", Month::September),
    (b"Oct", Month::October),
    (b"Nov", Month::November),
    (b"Dec", Month::December),
];

/// By position: the format is fixed, and this is asked once a line.
pub(super) fn parse(text: &str) -> Option<OffsetDateTime> {
    let b = text.as_bytes();
    if b.len() != 26 || !text.is_ascii() {
        return None;
    }
    let separators = b[2] == b'/' && b[6] == b'/' && b[11] == b':' && b[14] == b':';
    if !(separators && b[17] == b':' && b[20] == b' ') {
        return None;
    }
    let number = |from: usize, to: usize| {
        b[from..to].iter().try_fold(0_u16, |sum, digit| {
            digit
                .is_ascii_digit()
                .then(|| sum * 10 + u16::from(digit - b'0'))
        })
    };
    let small = |from, to| number(from, to).and_then(|n| u8::try_from(n).ok());
    let month = MONTHS
        .iter()
        .find(|(name, _)| *name == &b[3..6])
        .map(|(_, month)| *month)?;
    let year = i32::from(number(7, 11)?);
    let date = Date::from_calendar_date(year, month, small(0, 2)?).ok()?;
    // A leap second is the last one of its minute.
    let second = small(18, 20)?;
    let second = if second == 60 { 59 } else { second };
    let time = Time::from_hms(small(12, 14)?, small(15, 17)?, second).ok()?;
    let sign = match b[21] {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = i8::try_from(small(22, 24)?).ok()?;
    let minutes = i8::try_from(small(24, 26)?).ok()?;
    let offset = UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()?;
    let at = OffsetDateTime::new_in_offset(date, time, offset);
    at.checked_to_offset(UtcOffset::UTC)
}
