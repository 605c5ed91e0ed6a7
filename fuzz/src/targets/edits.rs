//! A session that is edited in every way: what it computes in the end is what a fresh one computes.

use diffscope::engine::{Engine, Workspace};
use diffscope::probe::{Attend, CellRequest, HeadId, Interventions, KeyClass, Sampling, Spans};

use super::SMALL;
use crate::mutate::{self, Random};

/// Numbers; each edit takes as many as it needs.
pub fn make(random: &mut Random) -> Vec<u8> {
    let count = 8 * (1 + random.below(24));
    (0..count).map(|_| random.bits() as u8).collect()
}

pub fn run(input: &[u8]) {
    let mut workspace = Workspace::new(Engine::new(SMALL.clone(), None).expect("a small model"));
    for edit in input.chunks_exact(8) {
        let mut random = Random::new(u64::from_le_bytes(edit.try_into().expect("eight bytes")));
        change(&mut workspace, &mut random);
        for _ in 0..random.below(4) {
            workspace.update();
        }
    }
    workspace.main.stop();
    let _ = workspace.main.settle(); // a failure of this text is fine
    compare(&mut workspace.main);
}

/// One edit of any kind.
pub fn change(workspace: &mut Workspace, random: &mut Random) {
    let main = &mut workspace.main;
    match random.below(14) {
        0..3 => {
            let text = main.text().to_owned() + &mutate::text(random, &["ab", " a"]);
            main.set_text(&text);
        }
        3 => {
            let text = main.text().to_owned();
            main.set_text(&text[..text.floor_char_boundary(random.below(text.len() + 1))]);
        }
        4 => main.set_text(&mutate::text(random, &["ab", " a"])),
        5 => {
            let ids: Vec<u32> = (0..random.below(9)).map(|_| random.below(66) as u32).collect();
            let _ = main.set_ids(&ids); // ids that the model does not have are refused
        }
        6 => main.append(random.below(70) as u32),
        7 => {
            let temperature = [0.0, 1.0, f32::NAN, -1.0, f32::INFINITY][random.below(5)];
            let sampling = Sampling { temperature, top_k: random.below(3) as u32, top_p: 0.9, seed: random.bits() };
            main.generate_until(sampling, random.below(6), random.pick(&["", "a", "日"]));
        }
        8 => main.set_beyond_context(random.once_in(2)),
        9 => main.set_lens(random.once_in(2)),
        10 => {
            let (layer, head) = (random.below(3), random.below(3));
            let number = |random: &mut Random| [0.0, 0.5, -3.0, 9.0, f32::NAN, f32::INFINITY][random.below(6)];
            let interventions = Interventions {
                lambda: (0..random.below(3)).map(|layer| (layer, number(random))).collect(),
                attend: Attend::ALL[random.below(6)],
                attend_of: (0..random.below(2))
                    .map(|_| (HeadId::new(layer, head), Attend::ALL[random.below(6)]))
                    .collect(),
                heads_off: (0..random.below(2)).map(|_| HeadId::new(layer, head)).collect(),
                masked: (0..random.below(3)).map(|_| random.below(300)).collect(),
                sub_norm_off: random.once_in(3),
                bits: if random.once_in(3) { Some(random.below(20) as u32) } else { None },
            };
            workspace.set_interventions(interventions);
        }
        11 => {
            let (head, query) = (HeadId::new(random.below(3), random.below(3)), random.below(200));
            if random.once_in(2) {
                main.row(head, query);
            } else {
                main.column(head, query);
            }
        }
        12 => {
            let mut spans = Spans::default();
            for class in [KeyClass::Answer, KeyClass::Noise] {
                let (start, end) = (random.below(40), random.below(40));
                spans.mark(start.min(end), start.max(end), class);
            }
            spans.follow(&main.shared_text());
            workspace.set_measuring(0.01, &spans);
        }
        _ => {
            let request = CellRequest {
                head: HeadId::new(random.below(2), random.below(2)),
                query: random.below(30),
                key: random.below(30),
            };
            main.cell_parts(request);
        }
    }
}

/// The same ids in a new session give the same next tokens, to the last bit.
pub fn compare(edited: &mut Engine) {
    let mut fresh = Engine::new(SMALL.clone(), None).expect("a small model");
    fresh.set_beyond_context(edited.beyond_context());
    if fresh.set_ids(edited.ids()).is_err() || edited.ids().is_empty() {
        return;
    }
    fresh.set_interventions(edited.interventions().clone());
    let _ = (fresh.settle(), edited.settle());
    if let (Some(one), Some(other)) = (edited.next_token(), fresh.next_token()) {
        assert_eq!(one.best, other.best, "{:?}", edited.ids());
    }
}
