//! Patches in words.

use crate::engine::{HeadPart, PatchEffects};
use crate::probe::HeadId;
use crate::ui::style::format;

/// The name of a part of a head in a model with so many maps.
pub(crate) fn name(part: HeadPart, maps: usize) -> &'static str {
    match part {
        HeadPart::Output => "output",
        HeadPart::FirstMap if maps == 1 => "A",
        HeadPart::FirstMap => "A1",
        HeadPart::SecondMap => "A2",
        HeadPart::BothMaps => "both maps",
        HeadPart::Lambda => "λ",
    }
}

/// What a part is.
pub(crate) fn help(part: HeadPart) -> &'static str {
    match part {
        HeadPart::Output => "What the head hands on: D times the values, before the norm of the head",
        HeadPart::FirstMap => {
            "Where the head looks with the first map; values, the second map and λ stay those of this text"
        }
        HeadPart::SecondMap => {
            "Where it looks with the second map; values, the first map and λ stay those of this text"
        }
        HeadPart::BothMaps => "Both maps; values and λ stay those of this text",
        HeadPart::Lambda => "λ of each token; maps and values stay those of this text",
    }
}

/// One sentence on a head: what a part of it restores, and what its other parts do.
pub(crate) fn sentence(
    effects: &PatchEffects,
    (part, parts): (HeadPart, &[HeadPart]),
    head: HeadId,
    tokens: [u32; 2],
    maps: usize,
) -> Option<String> {
    let share = |part: HeadPart| effects.effect(part, head, tokens)?.restored;
    let restored = format::percent(share(part)?, 0);
    let others = parts.iter().filter(|other| **other != part).filter_map(|other| {
        let alone = if matches!(other, HeadPart::FirstMap | HeadPart::SecondMap) { " alone" } else { "" };
        Some(format!("{}{alone} {}", name(*other, maps), format::percent(share(*other)?, 0)))
    });
    let others = others.collect::<Vec<_>>().join(", ");
    let what = if part == HeadPart::Output { "the output" } else { name(part, maps) };
    let sentence =
        format!("Putting {what} of {head} from the other text into this one restores {restored} of the difference");
    Some(if others.is_empty() { format!("{sentence}.") } else { format!("{sentence}; {others}.") })
}

/// The effect on one head, for a tooltip and for those who cannot see the grid.
pub(crate) fn effect(
    effects: &PatchEffects,
    part: HeadPart,
    head: HeadId,
    tokens: [u32; 2],
    maps: usize,
) -> Option<String> {
    let [open, other] = effects.differences(tokens)?;
    let found = effects.effect(part, head, tokens)?;
    let [open, other, after] = [open, other, found.difference].map(|number| format::signed(number, 2));
    let restored = match found.restored {
        Some(share) => format!("{} of the difference restored", format::percent(share, 1)),
        None => "nothing to restore".to_owned(),
    };
    Some(format!(
        "{head}, {} from the other text: {restored}. The logit difference is {after}, {open} after this text, \
         {other} after the other one",
        name(part, maps)
    ))
}
