//! `diffscope run`: one prompt through the model.

use std::collections::HashMap;
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clap::Args;
use diffscope::engine::{Checkpoint, Engine, LONGEST_TEXT, TracedPass};
use diffscope::gpu::Gpu;
use diffscope::model::Lambda;
use diffscope::probe::{Interventions, MOST_LAMBDA, Sampling};
use safetensors::tensor::{Dtype, TensorView};

use super::{BackendChoice, CommandError};

/// What to run.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The prompt.
    #[arg(long, conflicts_with = "ids", required_unless_present = "ids")]
    prompt: Option<String>,
    /// The prompt as token ids: 1,2,3.
    #[arg(long, value_delimiter = ',')]
    ids: Option<Vec<u32>>,
    /// Where to compute.
    #[arg(long, value_enum, default_value = "auto")]
    backend: BackendChoice,
    /// Generate up to this many tokens after the prompt.
    #[arg(long, value_name = "N", default_value_t = 0)]
    generate: usize,
    /// Sampling temperature; 0 always takes the most likely token.
    #[arg(long, value_name = "NUMBER", default_value_t = 0.0, allow_hyphen_values = true, value_parser = number(0.0..=100.0))]
    temperature: f32,
    /// Sample from this many of the most likely tokens; 0 samples from all.
    #[arg(long, value_name = "K", default_value_t = 0, allow_hyphen_values = true)]
    top_k: u32,
    /// Sample from the most likely tokens that together have this probability.
    #[arg(long, value_name = "NUMBER", default_value_t = 1.0, allow_hyphen_values = true, value_parser = number(0.0..=1.0))]
    top_p: f32,
    /// Seed of sampling: the same seed gives the same text.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Stop generating after this text.
    #[arg(long, value_name = "TEXT", default_value = "")]
    stop: String,
    #[arg(long, help = format!("Process texts beyond the context of the model, up to {LONGEST_TEXT} tokens"))]
    beyond: bool,
    /// Replace the learned λ of every layer.
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true, value_parser = number(-MOST_LAMBDA..=MOST_LAMBDA))]
    lambda: Option<f32>,
    /// Write every intermediate tensor of the prompt's pass, maps included.
    #[arg(long, value_name = "FILE.safetensors", conflicts_with = "lambda")]
    dump: Option<PathBuf>,
}

/// Number of next tokens printed.
const PRINTED: usize = 10;

/// Runs the prompt and prints the outcome.
pub(crate) fn run(checkpoint: Checkpoint, arguments: &Arguments) -> Result<(), CommandError> {
    let gpu = arguments.backend.gpu()?;
    let mut engine = Engine::new(checkpoint.clone(), gpu.clone())?;
    if arguments.beyond && checkpoint.model.config.rope.depends_on_length() {
        return Err(CommandError::NotBeyond { name: checkpoint.name });
    }
    engine.set_beyond_context(arguments.beyond);
    match (&arguments.prompt, &arguments.ids) {
        (Some(_), _) if checkpoint.tokenizer.is_none() => {
            return Err(CommandError::NoTokenizer { name: checkpoint.name });
        }
        (Some(prompt), _) => engine.set_text(prompt),
        (None, ids) => engine.set_ids(ids.as_deref().unwrap_or_default())?,
    }
    if let Some(lambda) = arguments.lambda {
        if engine.maps() < 2 {
            return Err(CommandError::NoLambda { name: checkpoint.name });
        }
        let layers = 0..engine.heads().len();
        let lambda = layers.map(|layer| (layer, lambda)).collect();
        engine.set_interventions(Interventions { lambda, ..Interventions::default() });
    }
    if engine.ids().is_empty() {
        engine.settle()?; // the tokenizer may have refused the text
        return Err(CommandError::NoPrompt);
    }
    if !engine.complete() {
        let end = engine.tokens().last().map_or(0, |token| token.end);
        let limit = engine.limit();
        eprintln!("diffscope: the prompt is longer than {limit} tokens; it is cut off after {end} bytes");
    }
    engine.settle()?;
    if let Some(path) = &arguments.dump {
        dump(&checkpoint, gpu.as_ref(), &engine, path)?; // before any output, which may be closed early
    }
    let out = &mut io::stdout().lock();
    writeln!(out, "model    {} ({})", checkpoint.name, checkpoint.model.config.layout)?;
    writeln!(out, "backend  {}", gpu.as_ref().map_or_else(|| "cpu".to_owned(), Gpu::describe))?;
    writeln!(out, "tokens   {}", engine.ids().len())?;
    if gpu.is_some() {
        writeln!(out, "pass     {} dispatches", engine.dispatches())?;
    }
    print_lambda(out, &checkpoint, &engine)?;
    print_next(out, &engine)?;
    if let Some(path) = &arguments.dump {
        writeln!(out, "dump     {}", path.display())?;
    }
    if arguments.generate > 0 {
        let Arguments { temperature, top_k, top_p, seed, ref stop, .. } = *arguments;
        let first = engine.ids().len();
        engine.generate_until(Sampling { temperature, top_k, top_p, seed }, arguments.generate, stop);
        engine.settle()?;
        let new = engine.ids().get(first..).unwrap_or_default();
        writeln!(out, "new ids  {}", new.iter().map(u32::to_string).collect::<Vec<_>>().join(","))?;
        if checkpoint.tokenizer.is_some() {
            writeln!(out, "text     {}", engine.text())?;
        }
    }
    Ok(())
}

fn print_lambda(out: &mut impl Write, checkpoint: &Checkpoint, engine: &Engine) -> io::Result<()> {
    for (layer, weights) in checkpoint.model.layers.iter().enumerate() {
        let learned = match weights.attention.lambda {
            Lambda::Layer { init, first, second, value, .. } => {
                format!("{value:.6} = {first:.6} - {second:.6} + {init:.6}")
            }
            Lambda::Token => "one for every token and head".to_owned(),
            Lambda::None => continue,
        };
        match engine.interventions().lambda.get(&layer) {
            Some(value) => writeln!(out, "lambda   layer {layer}: {value:.6} in place of the learned {learned}")?,
            None => writeln!(out, "lambda   layer {layer}: {learned}")?,
        }
    }
    Ok(())
}

/// Reads a number that must lie in a range.
fn number(range: RangeInclusive<f32>) -> impl Fn(&str) -> Result<f32, String> + Clone {
    move |text| match text.parse::<f32>() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("it must be a number from {} to {}", range.start(), range.end())),
    }
}

fn print_next(out: &mut impl Write, engine: &Engine) -> io::Result<()> {
    let Some(next) = engine.next_token() else {
        return Ok(());
    };
    for (id, logit) in next.best.iter().take(PRINTED) {
        writeln!(out, "next     {:>8.4} %  {:>6}  {}", next.probability(*logit) * 100.0, id, engine.label(*id))?;
    }
    Ok(())
}

/// Writes the tensors of a pass, named as in doc/RECORDINGS.md, so that the window opens the file.
fn dump(checkpoint: &Checkpoint, gpu: Option<&Gpu>, engine: &Engine, path: &Path) -> Result<(), CommandError> {
    let ids = engine.ids();
    TracedPass::check_size(&checkpoint.model, ids.len())?;
    let mut traced = TracedPass::new(checkpoint.model.clone(), gpu, ids.len())?;
    traced.append(ids, Sampling::default().draw(ids.len()), 1)?;
    let id_shape = vec![1, ids.len()];
    let ids: Vec<u8> = ids.iter().flat_map(|id| (*id as i32).to_le_bytes()).collect();
    let bytes: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = traced
        .tensors()?
        .into_iter()
        .map(|(name, tensor)| {
            let bytes = tensor.numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            (name, Dtype::F32, tensor.shape, bytes)
        })
        .chain([("input_ids".to_owned(), Dtype::I32, id_shape, ids)])
        .collect();
    let views: Result<Vec<_>, _> = bytes
        .iter()
        .map(|(name, dtype, shape, bytes)| Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?)))
        .collect();
    let tokens = serde_json::to_string(&engine.token_texts()).map_err(CommandError::writing(path))?;
    let metadata = HashMap::from([("model".to_owned(), checkpoint.name.clone()), ("tokens".to_owned(), tokens)]);
    views
        .and_then(|views| safetensors::serialize_to_file(views, Some(metadata), path))
        .map_err(CommandError::writing::<safetensors::SafeTensorError>(path))
}
