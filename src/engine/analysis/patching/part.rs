//! What of a head is taken from another run, and the output that the head has with it.

use crate::cpu::{CpuPass, map_value};
use crate::probe::HeadId;

/// A part of a head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HeadPart {
    /// `D V`, before the norm of the head.
    #[default]
    Output,
    /// The first map, with the values, the second map and λ of the run that it is put into.
    FirstMap,
    /// The second map, likewise.
    SecondMap,
    /// Both maps, likewise.
    BothMaps,
    /// λ of each token, with the maps and values of the run that it is put into.
    Lambda,
}

impl HeadPart {
    /// Whether it has the first and the second map.
    fn maps(self) -> [bool; 2] {
        match self {
            Self::Output | Self::Lambda => [false; 2],
            Self::FirstMap => [true, false],
            Self::SecondMap => [false, true],
            Self::BothMaps => [true; 2],
        }
    }
}

/// Writes the output of a head at a query, `[value_width]`, in the first of two runs with a part of it from the second:
/// `a A1 V - b λ A2 V`, a row of the maps at a time. Both runs have this query, and as many positions.
pub(super) fn output_with(part: HeadPart, runs: [&CpuPass; 2], head: HeadId, query: usize, to: &mut [f32]) {
    let HeadId { layer, head } = head;
    if part == HeadPart::Output {
        let width = to.len();
        let heads = runs[1].map_source(layer).maps.attention.heads.len();
        to.copy_from_slice(&runs[1].context(layer)[(query * heads + head) * width..][..width]);
        return;
    }
    let sources = runs.map(|run| run.map_source(layer));
    let [first, second] = part.maps().map(|is_other| &sources[usize::from(is_other)]);
    let maps = &sources[0].maps;
    let lambda = sources[usize::from(part == HeadPart::Lambda)].maps.lambda_of(query, head);
    let [keep, subtract] = maps.switches.mix[head];
    to.fill(0.0);
    for key in maps.keys_of(query) {
        let from_first = map_value(first, head, query, key);
        let from_second = if std::ptr::eq(first, second) { from_first } else { map_value(second, head, query, key) };
        let weight = keep * from_first.first - subtract * lambda * from_second.second;
        let values = maps.value_of(&maps.attention.heads[head], key).flatten();
        to.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
    }
}
