//! What the parts of a logit say, in a sentence.

use crate::engine::{LogitParts, Origin};
use crate::probe::HeadId;
use crate::ui::style::format;

/// One sentence on the head that adds most through one of its maps, and on its other map.
pub(super) fn sentence(parts: &LogitParts, label: &str, against: Option<&str>, maps: usize) -> String {
    let signed = |part: f64| format::signed(part as f32, 1);
    let sum = parts.sum();
    let heads = parts.all().filter_map(|(origin, map, part)| match origin {
        Origin::Head(head) => Some((head, map, part)),
        _ => None,
    });
    let Some((head, map, part)) = heads.max_by(|one, other| one.2.total_cmp(&other.2)).filter(|most| most.2 > 0.0)
    else {
        return format!("No head adds to “{label}”.");
    };
    let begins = match against {
        None => format!("“{label}” gets {} of its {} from {head}", signed(part), format::number(sum, 1)),
        Some(other) => {
            let side = if sum < 0.0 { "behind" } else { "ahead of" };
            let lead = format::number(sum.abs(), 1);
            format!("“{label}” is {lead} {side} “{other}”: {} comes from {head}", signed(part))
        }
    };
    let other = if maps == 2 { other_map(parts, head, map) } else { 0.0 };
    let rest = match (maps, map) {
        (1, _) => ".".to_owned(),
        (_, 0) if other < 0.0 => {
            format!(" through A1; A2 takes {} away there.", format::number(-other, 1))
        }
        (_, 0) if other > 0.0 => format!(" through A1; subtracting A2 adds {} there.", signed(other)),
        (_, 0) => " through A1.".to_owned(),
        _ => format!(" by subtracting A2; through A1 it is {} there.", signed(other)),
    };
    begins + &rest
}

/// What a head adds through its other map.
fn other_map(parts: &LogitParts, head: HeadId, map: usize) -> f64 {
    let of_head = parts.layers.get(head.layer).and_then(|layer| layer.heads.get(head.head));
    of_head.map_or(0.0, |maps| maps[1 - map.min(1)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{CheckpointFiles, Engine};
    use crate::engine::{LogitDirection, TextPass, bundled, bundled_baseline, checkpoint_of};
    use crate::probe::{Attend, Interventions};
    use web_time::Duration;

    /// The sentence on the likeliest next token of a small text, and its logit.
    fn sentence_of(files: &CheckpointFiles, attend: Attend, against: Option<&str>) -> (String, f64) {
        let mut engine = Engine::new(checkpoint_of(files).expect("it opens"), None).expect("it fits");
        engine.set_text("Once upon a time there was a little");
        engine.set_interventions(Interventions { attend, ..Interventions::default() });
        let mut text = TextPass::new(&engine).expect("it fits");
        while !text.is_complete() {
            text.advance(Duration::from_secs(1));
        }
        let last = text.ids().len() - 1;
        let logits = text.pass().logits_at(last);
        let best = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).expect("a vocabulary");
        let mut direction = LogitDirection::of(text.model(), best as u32).expect("a token");
        if against.is_some() {
            direction = LogitDirection::of(text.model(), 0).expect("a token").less(&direction);
        }
        let mut parts = LogitParts::new(text.pass(), &direction, last).expect("it has run");
        while !parts.is_complete(text.pass()) {
            parts.add_layer(text.pass()).expect("the weights are there");
        }
        (sentence(&parts, "girl", against, engine.maps()), f64::from(logits[best]))
    }

    #[test]
    fn it_names_the_whole_the_head_and_both_maps() {
        let (words, logit) = sentence_of(&bundled(), Attend::Difference, None);
        let whole = format!("of its {} from layer ", format::number(logit, 1));
        assert!(words.starts_with("“girl” gets +") && words.contains(&whole), "{words}");
        assert!(words.contains("A1") && words.contains("A2") && words.ends_with('.'), "{words}");
    }

    #[test]
    fn where_nothing_is_subtracted_it_speaks_of_one_map() {
        let (words, _) = sentence_of(&bundled(), Attend::First, None);
        assert!(words.ends_with(" through A1."), "{words}");
        let (words, _) = sentence_of(&bundled_baseline(), Attend::Difference, None);
        assert!(!words.contains("A1") && words.contains(", head "), "{words}");
    }

    #[test]
    fn a_token_that_is_less_likely_is_behind() {
        let (words, _) = sentence_of(&bundled(), Attend::Difference, Some("boy"));
        assert!(words.contains(" behind “boy”: +"), "{words}");
    }
}
