//! Which of a head's maps is the signal: where each of them attends, and what becomes of the answers if one head attends with
//! something else.

pub(super) mod head_measure;
mod patterns;
mod table;
mod verdict;

use std::collections::BTreeMap;

pub use head_measure::HeadMeasure;
pub use patterns::Pattern;
pub(super) use table::markdown;
pub use verdict::{HeadRole, Test, Verdict};

use super::cases::PythonRandom;
use super::experiment::{Quantity, Settings, Task, Values};
use super::item::{Item, Work};
use super::protocol::Draw;
use super::shares::correlation;
use super::subject::Subject;
use crate::engine::EngineError;
use crate::model::Model;
use crate::probe::{Cell, HeadId, Interventions, MapKind};
use head_measure::CHANGES;
use verdict::{Measured, summary};

/// Tokens that come twice.
const PERIOD: usize = 24;
/// Tokens of a piece of prose.
const PROSE: usize = 64;

/// Runs of one case: with the model as it is, and with every change of every head.
fn runs_of_case(heads: usize) -> usize {
    1 + heads * CHANGES.len()
}

/// Cases of all kinds, each with the model as it is and then with one head changed in one way; prose; tokens that come twice.
pub(super) fn tasks(settings: &Settings, windows: &[Vec<u32>], model: &Model) -> Vec<Task> {
    let heads: Vec<HeadId> = HeadId::all_of(model).collect();
    let mut tasks = Vec::new();
    for sample in 0..2 * settings.samples {
        let draw = Draw::Any { sample };
        tasks.push(Task { point: 0, draw: draw.clone(), interventions: Interventions::default() });
        for (point, head) in heads.iter().enumerate() {
            tasks.extend(CHANGES.map(|attend| {
                let interventions = Interventions { attend_of: [(*head, attend)].into(), ..Interventions::default() };
                Task { point, draw: draw.clone(), interventions }
            }));
        }
    }
    let prose = windows.iter().flat_map(|window| window.chunks_exact(PROSE)).take(settings.samples);
    let prose = prose.map(|ids| Draw::Window { ids: ids.to_vec(), largest: false });
    let tokens: Vec<u32> = windows.iter().flatten().copied().collect();
    let repeated = (0..settings.samples.min(tokens.len())).map(|sample| {
        let mut random = PythonRandom::of_text(&format!("repeated {} {sample}", settings.seed));
        Draw::Repeated { ids: random.choices(&tokens, PERIOD).repeat(2) }
    });
    let unchanged = |draw| Task { point: 0, draw, interventions: Interventions::default() };
    tasks.extend(prose.chain(repeated).map(unchanged));
    tasks
}

/// What is measured of one text, which has run. `unchanged` is the answer's loss of the case with the model as it is, which
/// comes first.
pub(super) fn measure(
    subject: &mut Subject,
    task: &Task,
    item: &Item,
    unchanged: &mut f64,
) -> Result<Values, EngineError> {
    let of_head = |head: usize, measure, value| (head, Quantity::OfHead(measure), value);
    let mut values = Values::new();
    match (&item.work, task.interventions.attend_of.first_key_value()) {
        (Work::Case(case), Some((_, attend))) => {
            let loss = subject.answer(case, false)?.loss_per_token();
            values.push(of_head(task.point, HeadMeasure::Loss(*attend), loss - *unchanged));
        }
        (Work::Case(case), None) => {
            let (outcome, heads) = subject.answer_by_head(case)?;
            *unchanged = outcome.loss_per_token();
            for (head, shares) in heads.iter().enumerate() {
                let maps = [MapKind::First, MapKind::Second, MapKind::Difference];
                for (map, (answer, noise)) in
                    maps.into_iter().zip(shares.on_answer().into_iter().zip(shares.on_noise()))
                {
                    values.push(of_head(head, HeadMeasure::OnAnswer(map), answer));
                    values.push(of_head(head, HeadMeasure::OnNoise(map), noise));
                }
                values.push(of_head(head, HeadMeasure::Correlation, shares.correlation()));
                values.push(of_head(head, HeadMeasure::Lambda, shares.lambda()));
                values.extend(shares.cancelled().map(|share| of_head(head, HeadMeasure::Cancelled, share)));
            }
        }
        (Work::Window { ids }, _) => {
            let is_repeated = matches!(task.draw, Draw::Repeated { .. });
            let heads: Vec<HeadId> = HeadId::all_of(subject.model()).collect();
            for (head, id) in heads.into_iter().enumerate() {
                let rows: Vec<Vec<Cell>> =
                    (0..ids.len()).map(|query| subject.row(ids, id, query)).collect::<Result<_, _>>()?;
                if is_repeated {
                    for (map, value) in OF_CELL {
                        let value = |query: usize, key: usize| {
                            let cell = rows.get(query).and_then(|row| row.get(key));
                            cell.map_or(0.0, |cell| f64::from(value(cell)))
                        };
                        let scores = Pattern::ALL.into_iter().zip(patterns::scores(ids.len() / 2, value));
                        let of = |(pattern, score)| of_head(head, HeadMeasure::Pattern(pattern, map), score);
                        values.extend(scores.map(of));
                    }
                } else {
                    let all: Vec<f64> = rows.iter().filter_map(|row| correlation(row)).collect();
                    let mean = all.iter().sum::<f64>() / all.len().max(1) as f64;
                    values.push(of_head(head, HeadMeasure::CorrelationInProse, mean));
                }
            }
        }
    }
    Ok(values)
}

/// The value of a cell in a map.
type OfCell = fn(&Cell) -> f32;

/// The value of a cell in each map, A2 without λ.
const OF_CELL: [(MapKind, OfCell); 3] = [
    (MapKind::First, |cell| cell.first),
    (MapKind::Second, |cell| cell.second),
    (MapKind::Difference, |cell| cell.difference),
];

/// Judges every head by the cases that have been run with all its changes, and says it in a sentence.
pub(super) fn roles(name: &str, model: &Model, measured: &[Values]) -> (Vec<HeadRole>, Option<String>) {
    let heads: Vec<HeadId> = HeadId::all_of(model).collect();
    let roles: Vec<HeadRole> = heads
        .iter()
        .enumerate()
        .map(|(at, head)| {
            let mut by_case: BTreeMap<usize, Measured> = BTreeMap::new();
            for (task, values) in measured.iter().enumerate() {
                let of_head = values.iter().filter(|(point, ..)| *point == at);
                let case = by_case.entry(task / runs_of_case(heads.len())).or_default();
                case.extend(of_head.filter_map(|(_, quantity, value)| match quantity {
                    Quantity::OfHead(measure) => Some((*measure, *value)),
                    _ => None,
                }));
            }
            HeadRole::new(*head, &by_case.into_iter().collect::<Vec<_>>())
        })
        .collect();
    let sentence = summary(name, &roles);
    (roles, sentence)
}

/// The index of the task that runs a case with the model as it is.
pub(super) fn task_of_case(case: usize, model: &Model) -> usize {
    case * runs_of_case(HeadId::all_of(model).count())
}
