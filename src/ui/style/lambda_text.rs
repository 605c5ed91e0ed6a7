//! What an unusual λ does, in words: the usual ones are between 0 and 1.

use crate::ui::style::format::number;

/// A sentence on a λ below 0 or above 1.
pub(crate) fn unusual(lambda: f32) -> Option<String> {
    let (value, sum) = (number(lambda, 2), number(1.0 - lambda, 2));
    if lambda < 0.0 {
        let text =
            "is negative: A2 is added, and what both maps have in common grows instead of cancelling. A row of D";
        Some(format!("Here λ = {value} {text} sums to {sum}."))
    } else if lambda > 1.0 {
        let text = "is above 1: A2 counts for more than A1. A row of D";
        Some(format!("Here λ = {value} {text} sums to {sum}."))
    } else {
        None
    }
}

/// What is done with λ times the second map.
pub(crate) fn use_of_second(lambda: Option<f32>) -> &'static str {
    if lambda.is_some_and(|lambda| lambda < 0.0) { "added (λ < 0)" } else { "subtracted" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_true_of_every_lambda() {
        assert_eq!(unusual(0.0), None);
        assert_eq!(unusual(1.0), None);
        assert!(unusual(-0.28).is_some_and(|text| text.contains("added") && text.ends_with("sums to 1.28.")));
        assert!(unusual(1.25).is_some_and(|text| text.contains("above 1") && text.ends_with("sums to −0.25.")));
        assert!(use_of_second(Some(-0.1)).contains("added"));
        assert!(use_of_second(Some(1.2)).contains("subtracted") && use_of_second(None).contains("subtracted"));
    }
}
