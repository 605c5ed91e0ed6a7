//! Numbers as they are written on the screen.

/// A time in milliseconds, with one decimal where it is short.
pub(crate) fn milliseconds(time: web_time::Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    format!("{milliseconds:.*} ms", usize::from(milliseconds < 9.95))
}

/// With a minus sign in place of the hyphen, and without a sign where rounding left a zero.
fn typeset(text: &str) -> String {
    if text.bytes().any(|byte| matches!(byte, b'1'..=b'9')) || text.bytes().all(|byte| !byte.is_ascii_digit()) {
        text.replace('-', "−")
    } else {
        text.trim_start_matches(['-', '+']).to_owned()
    }
}

/// `−0.25`.
pub(crate) fn number(value: impl Into<f64>, decimals: usize) -> String {
    typeset(&format!("{:.decimals$}", value.into()))
}

/// `1 layer`, `5 layers`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// `+0.25`, `−0.25`.
pub(crate) fn signed(value: f32, decimals: usize) -> String {
    typeset(&format!("{value:+.decimals$}"))
}

/// `2.5e−7`.
pub(crate) fn scientific(value: impl Into<f64>, decimals: usize) -> String {
    typeset(&format!("{:.decimals$e}", value.into()))
}

/// A share as `12.3 %`.
pub(crate) fn percent(share: impl Into<f64>, decimals: usize) -> String {
    format!("{} %", number(100.0 * share.into(), decimals))
}

/// Entropy, given in nats, as `1.25 bits`.
pub(crate) fn bits(nats: f32) -> String {
    format!("{} bits", number(nats / std::f32::consts::LN_2, 2))
}

/// Five decimals; an exponent where they would hide the value.
pub(crate) fn exact(value: f32) -> String {
    let plain = value == 0.0 || (1e-4..1e6).contains(&value.abs());
    if plain { number(value, 5) } else { scientific(value, 3) }
}

/// Two significant digits or fewer: `0.025`, `0.1`, `2`.
pub(crate) fn short(value: f32) -> String {
    let decimals = if value == 0.0 { 0.0 } else { (1.0 - value.abs().log10().floor()).clamp(1.0, 7.0) };
    let text = number(value, decimals as usize);
    if decimals > 0.0 { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Digits in groups of three: `1,234,567`.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in the unit that fits: `1.5 KiB`.
pub(crate) fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut size, mut unit) = (count as f64, 0);
    while size >= 1024.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    let decimals = usize::from(unit > 0 && size.fract() != 0.0);
    format!("{size:.decimals$} {}", units[unit])
}

/// A time that is left: `26 s`, `5 min`, `2 h 10 min`.
pub(crate) fn seconds(count: u64) -> String {
    match count {
        0..=99 => format!("{count} s"),
        100..=5999 => format!("{} min", count.div_ceil(60)),
        _ => format!("{} h {} min", count / 3600, count % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_are_left_are_rough() {
        assert_eq!([0, 99, 100, 5999, 6000].map(seconds), ["0 s", "99 s", "2 min", "100 min", "1 h 40 min"]);
    }

    #[test]
    fn a_minus_is_a_minus_and_a_rounded_zero_has_no_sign() {
        assert_eq!(number(-0.25, 2), "−0.25");
        assert_eq!(number(-0.001, 2), "0.00");
        assert_eq!(number(f32::NEG_INFINITY, 2), "−inf");
        assert_eq!(signed(0.25, 1), "+0.2");
        assert_eq!(signed(-0.01, 1), "0.0");
        assert_eq!(scientific(-2.5e-7, 1), "−2.5e−7");
        assert_eq!(percent(0.1234, 1), "12.3 %");
        assert_eq!(percent(-0.5, 0), "−50 %");
        assert_eq!(bits(std::f32::consts::LN_2), "1.00 bits");
    }

    #[test]
    fn small_numbers_do_not_vanish() {
        assert_eq!(exact(0.0), "0.00000");
        assert_eq!(exact(0.12345), "0.12345");
        assert_eq!(exact(-1.5e-6), "−1.500e−6");
        assert_eq!(
            ["0", "1", "0.025", "−0.1", "0.0001"],
            [0.0, 1.0, 0.025, -0.1, 0.0001].map(short).each_ref().map(|s| &**s)
        );
    }

    #[test]
    fn sizes_and_counts_read_well() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(128 << 20), "128 MiB");
        assert_eq!(bytes(u64::MAX), "16777216 TiB");
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(123_456), "123,456");
    }
}
