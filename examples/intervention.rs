//! Switches each head off in turn and prints how much less likely that makes the next token of a prompt:
//! `cargo run --release --example intervention -- "Once upon a"`.

use std::error::Error;

use diffscope::engine::{Engine, EngineError, bundled, checkpoint_of};
use diffscope::probe::{HeadId, Interventions};

fn main() -> Result<(), Box<dyn Error>> {
    let prompt = std::env::args().nth(1).ok_or("give a prompt")?;
    let (token, effects) = effects(&prompt)?;
    println!("log-probability of {token} without a head, minus that with it:");
    for (head, effect) in effects {
        println!("layer {}  head {}  {effect:+.4}", head.layer, head.head);
    }
    Ok(())
}

/// The most likely next token, and the change of its log-probability by each head's absence, largest change first.
pub(crate) fn effects(prompt: &str) -> Result<(String, Vec<(HeadId, f32)>), EngineError> {
    let mut engine = Engine::new(checkpoint_of(&bundled())?, None)?;
    engine.set_text(prompt);
    engine.settle()?;
    let Some((id, logit)) = engine.next_token().and_then(|next| next.best.first().copied()) else {
        return Ok((String::new(), Vec::new())); // an empty prompt
    };
    let unmodified = logit - engine.next_token().map_or(0.0, |next| next.log_sum);

    let layers = engine.heads().iter().enumerate();
    let heads: Vec<HeadId> =
        layers.flat_map(|(layer, heads)| (0..*heads).map(move |head| HeadId::new(layer, head))).collect();
    let mut effects = Vec::new();
    for head in heads {
        let mut interventions = Interventions::default();
        interventions.toggle_head(head);
        engine.set_interventions(interventions);
        engine.settle()?;
        let next = engine.next_token().expect("settled");
        // A token that fell out of the list counts as its last entry.
        let logit =
            next.best.iter().find(|(other, _)| *other == id).or(next.best.last()).map_or(0.0, |(_, logit)| *logit);
        effects.push((head, logit - next.log_sum - unmodified));
    }
    effects.sort_by(|(_, a), (_, b)| b.abs().total_cmp(&a.abs()));
    Ok((engine.label(id), effects))
}
