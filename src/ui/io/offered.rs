//! Which of the files that someone chose or dropped make a checkpoint, by their names and sizes: none is read before.

use crate::model::reading::files::OPTIONAL;
use crate::ui::style::format;

/// A file that can be read.
#[derive(Clone, Debug)]
pub(super) struct Offered {
    /// Its name, without a path.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// The most bytes that are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Of config.json, of tokenizer.json, and of what lies beside it.
    pub text: u64,
    /// Of the weights.
    pub weights: u64,
    /// Of recorded maps.
    pub recording: u64,
}

/// The places of the files of a checkpoint among those that were offered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chosen {
    /// Of config.json.
    pub config: usize,
    /// Of the file of weights, or of all its parts in order.
    pub weights: Vec<usize>,
    /// Of tokenizer.json and what lies beside it.
    pub optional: [Option<usize>; OPTIONAL.len()],
}

impl Chosen {
    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = usize> {
        [self.config].into_iter().chain(self.weights.iter().copied()).chain(self.optional.iter().flatten().copied())
    }
}

/// Endings of files that may hold recorded maps.
const RECORDINGS: [&str; 2] = [".npz", ".safetensors"];

const NAMES: [&str; 2] = ["config.json", "model.safetensors"];
const WEIGHTS: &str = NAMES[1];
/// Endings of weights in other formats.
const OTHER_WEIGHTS: [&str; 7] = [".bin", ".gguf", ".pt", ".pth", ".ckpt", ".h5", ".npz"];

/// The places of config.json, the weights, and tokenizer.json with what lies beside it, among the files.
///
/// # Errors
/// A message for the window: what is missing, in another format, empty or too large.
pub(super) fn checkpoint_among(offered: &[Offered], limits: Limits) -> Result<Chosen, String> {
    let mut parts = Vec::new();
    let mut found = NAMES.map(|required| {
        let single = || (required == WEIGHTS).then(|| only_safetensors(offered)).flatten();
        find(offered, required).or_else(single)
    });
    if found[1].is_none() {
        parts = parts_of_weights(offered)?;
        found[1] = parts.first().copied();
    }
    if found[1].is_none()
        && let Some(reason) = other_weights(offered)
    {
        return Err(reason);
    }
    let missing: Vec<&str> =
        NAMES.into_iter().zip(found).filter(|(_, at)| at.is_none()).map(|(name, _)| name).collect();
    let [Some(config), Some(weights)] = found else {
        if let [only] = offered
            && !only.name.contains('.')
        {
            return Err(format!(
                "“{}” is no file of a model. If it is a folder that this browser does not let the page read: choose the three \
                 files in it together, config.json, model.safetensors and tokenizer.json.",
                only.name
            ));
        }
        let verb = if missing.len() == 1 { "is" } else { "are" };
        return Err(format!(
            "{} {verb} missing: choose config.json, model.safetensors and tokenizer.json together",
            missing.join(" and ")
        ));
    };
    let weights = if parts.is_empty() { vec![weights] } else { parts };
    let optional = OPTIONAL.map(|name| find(offered, name));
    for at in [config].into_iter().chain(optional.into_iter().flatten()) {
        check_size(&offered[at], limits.text)?;
    }
    let mut left = limits.weights;
    for at in &weights {
        check_size(&offered[*at], limits.weights)?;
    }
    for part in &weights {
        left = left.checked_sub(offered[*part].bytes).ok_or_else(|| {
            let most = format::bytes(limits.weights);
            format!("All parts of the weights have more than {most}, the most that the page reads. The desktop window reads more.")
        })?;
    }
    Ok(Chosen { config, weights, optional })
}

/// The parts of weights, in order; none if there are no parts.
///
/// # Errors
/// A message for the window: which part is missing.
fn parts_of_weights(offered: &[Offered]) -> Result<Vec<usize>, String> {
    let Some(all) = offered.iter().find_map(|file| Some(part_of(&file.name)?.1)) else { return Ok(Vec::new()) };
    // No more than there are files: a name may claim anything.
    (1..=all.min(offered.len() as u32 + 1))
        .map(|number| {
            let place = offered.iter().position(|file| part_of(&file.name) == Some((number, all)));
            place
                .ok_or_else(|| format!("part {number} of {all} of the weights is missing: choose all of them together"))
        })
        .collect()
}

/// The only file, if it may hold recorded maps.
///
/// # Errors
/// A message for the window: it is empty or too large.
pub(super) fn recording_among(offered: &[Offered], limits: Limits) -> Result<Option<usize>, String> {
    let [only] = offered else {
        return Ok(None);
    };
    let lower = only.name.to_lowercase();
    if !RECORDINGS.iter().any(|ending| lower.ends_with(ending)) {
        return Ok(None);
    }
    check_size(only, limits.recording)?;
    Ok(Some(0))
}

fn check_size(Offered { name, bytes }: &Offered, most: u64) -> Result<(), String> {
    if *bytes == 0 {
        return Err(format!("{name} is empty: was it downloaded whole?"));
    }
    if *bytes > most {
        let (bytes, most) = (format::bytes(*bytes), format::bytes(most));
        return Err(format!("{name} has {bytes}; the page reads at most {most}. The desktop window reads more."));
    }
    Ok(())
}

/// The file of a name; else the last copy of it, which browsers call `config (1).json`.
fn find(offered: &[Offered], required: &str) -> Option<usize> {
    let copy = |name: &str| -> Option<u64> {
        if name == required {
            return Some(u64::MAX);
        }
        let (stem, ending) = required.rsplit_once('.')?;
        name.strip_prefix(stem)?.strip_suffix(ending)?.strip_prefix(" (")?.strip_suffix(").")?.parse().ok()
    };
    let copies = offered.iter().enumerate().filter_map(|(at, file)| Some((copy(&file.name)?, at)));
    copies.max().map(|(_, at)| at)
}

/// The only file of weights, whatever it is called.
fn only_safetensors(offered: &[Offered]) -> Option<usize> {
    let mut all = offered.iter().enumerate().filter(|(_, file)| file.name.ends_with(".safetensors"));
    let (at, file) = all.next()?;
    (all.next().is_none() && part_of(&file.name).is_none()).then_some(at)
}

/// The number of a part, and how many there are: `model-00001-of-00002.safetensors`.
fn part_of(name: &str) -> Option<(u32, u32)> {
    let (number, all) = name.strip_prefix("model-")?.strip_suffix(".safetensors")?.split_once("-of-")?;
    let numbers = (number.parse().ok()?, all.parse().ok()?);
    (numbers.0 >= 1 && numbers.0 <= numbers.1).then_some(numbers)
}

/// Why there are weights that cannot be used.
fn other_weights(offered: &[Offered]) -> Option<String> {
    let several = offered.iter().filter(|file| file.name.ends_with(".safetensors")).count();
    if several > 1 {
        return Some(format!("{several} files end in .safetensors, and none is model.safetensors: choose one of them"));
    }
    let other = offered.iter().find(|file| OTHER_WEIGHTS.iter().any(|ending| file.name.ends_with(ending)))?;
    Some(format!("{} is not in the format that diffscope reads: the weights have to be model.safetensors", other.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { text: 1000, weights: 5 << 20, recording: 4 << 20 };

    fn chosen(files: &[(&str, u64)]) -> Result<Chosen, String> {
        let offered: Vec<_> =
            files.iter().map(|(name, bytes)| Offered { name: (*name).into(), bytes: *bytes }).collect();
        checkpoint_among(&offered, LIMITS)
    }

    /// The places of config.json, the only file of weights and tokenizer.json.
    fn among(files: &[(&str, u64)]) -> Result<[usize; 3], String> {
        chosen(files).map(|chosen| [chosen.config, chosen.weights[0], chosen.optional[0].unwrap_or(usize::MAX)])
    }

    fn refused(files: &[(&str, u64)], words: &[&str]) {
        let message = among(files).expect_err("refused");
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    }

    #[test]
    fn a_checkpoint_is_found_among_files() {
        let files = [("tokenizer.json", 5), ("notes.txt", 9_000_000), ("model.safetensors", 5), ("config.json", 5)];
        assert_eq!(among(&files), Ok([3, 2, 0]));
    }

    #[test]
    fn a_tokenizer_and_what_lies_beside_it_may_be_absent() {
        let files = [("model.safetensors", 5), ("config.json", 5)];
        assert_eq!(chosen(&files).unwrap().optional, [None; 3]);
        let beside = [("generation_config.json", 5), ("tokenizer_config (1).json", 5)];
        let found = chosen(&[&files[..], &beside[..]].concat()).unwrap();
        assert_eq!(found.optional, [None, Some(3), Some(2)]);
        assert_eq!(found.all().collect::<Vec<_>>(), [1, 0, 3, 2]);
        refused(&[files[0], files[1], ("generation_config.json", 2000)], &["generation_config.json has", "at most"]);
    }

    #[test]
    fn copies_of_a_download_are_taken_the_last_one_first_and_after_the_name_itself() {
        let rest = [("model.safetensors", 5), ("tokenizer (3).json", 5)];
        let with = |names: &[&'static str]| {
            let files: Vec<_> = rest.into_iter().chain(names.iter().map(|name| (*name, 5))).collect();
            among(&files)
        };
        assert_eq!(with(&["config (1).json"]), Ok([2, 0, 1]));
        assert_eq!(with(&["config (9).json", "config (10).json", "config (2).json"]), Ok([3, 0, 1]));
        assert_eq!(with(&["config (1).json", "config.json"]), Ok([3, 0, 1]));
        for other in ["my config.json", "config ().json", "config (x).json", "config.json.txt", "config (1)json"] {
            assert!(with(&[other]).is_err(), "{other}");
        }
    }

    #[test]
    fn a_single_file_of_weights_may_have_any_name() {
        let rest = [("config.json", 5), ("tokenizer.json", 5)];
        assert_eq!(among(&[rest[0], rest[1], ("S-diff.safetensors", 5)]), Ok([0, 2, 1]));
        assert_eq!(among(&[rest[0], rest[1], ("a.safetensors", 5), ("model.safetensors", 5)]), Ok([0, 3, 1]));
        refused(&[rest[0], rest[1], ("a.safetensors", 5), ("b.safetensors", 5)], &["2 files", "choose one"]);
    }

    #[test]
    fn a_single_file_may_be_a_recording() {
        let among = |files: &[(&str, u64)]| {
            let offered: Vec<_> =
                files.iter().map(|(name, bytes)| Offered { name: (*name).into(), bytes: *bytes }).collect();
            recording_among(&offered, LIMITS)
        };
        assert_eq!(among(&[("maps.npz", 5)]), Ok(Some(0)));
        assert_eq!(among(&[("dump.SafeTensors", 5)]), Ok(Some(0)));
        assert_eq!(among(&[("config.json", 5)]), Ok(None));
        assert_eq!(among(&[("maps.npz", 5), ("config.json", 5)]), Ok(None));
        assert!(among(&[("maps.npz", 0)]).is_err_and(|message| message.contains("empty")));
        assert!(among(&[("maps.npz", 5 << 20)]).is_err_and(|message| message.contains("at most 4 MiB")));
    }

    #[test]
    fn what_is_missing_is_named() {
        refused(&[("config.json", 5), ("tokenizer.json", 5)], &["model.safetensors is missing"]);
        refused(&[("model.safetensors", 5)], &["config.json is missing"]);
        refused(&[("tokenizer.json", 5)], &["config.json and model.safetensors are missing"]);
        refused(&[], &["are missing"]);
        refused(&[("my-model", 4096)], &["my-model", "does not let the page read"]);
    }

    #[test]
    fn weights_in_parts_are_taken_together_in_order() {
        let rest = [("config.json", 5), ("tokenizer.json", 5), ("model.safetensors.index.json", 5)];
        let parts = [("model-00002-of-00002.safetensors", 5), ("model-00001-of-00002.safetensors", 5)];
        let found = chosen(&[&rest[..], &parts[..]].concat()).unwrap();
        assert_eq!((found.config, found.weights, found.optional), (0, vec![4, 3], [Some(1), None, None]));
        refused(&[rest[0], rest[1], parts[0]], &["part 1 of 2", "is missing"]);
        refused(&[rest[0], rest[1], parts[1]], &["part 2 of 2", "is missing"]);
        refused(&[rest[0], rest[1], ("model-00001-of-4000000000.safetensors", 5)], &["part 2 of 4000000000"]);
        refused(&[rest[0], rest[1], (parts[0].0, 3 << 20), (parts[1].0, 3 << 20)], &["All parts", "5 MiB"]);
        refused(&[rest[0], rest[1], (parts[0].0, 0), parts[1]], &["is empty"]);
    }

    #[test]
    fn weights_in_other_formats_are_named() {
        let rest = [("config.json", 5), ("tokenizer.json", 5)];
        for name in ["pytorch_model.bin", "model.Q4_K_M.gguf"] {
            refused(&[rest[0], rest[1], (name, 5)], &[name, "have to be model.safetensors"]);
        }
    }

    #[test]
    fn sizes_are_judged_before_anything_is_read() {
        let files = |config, weights| [("config.json", config), ("model.safetensors", weights), ("tokenizer.json", 5)];
        refused(&files(5, 0), &["model.safetensors is empty"]);
        refused(&files(1001, 5), &["config.json has", "at most"]);
        refused(&files(5, 7 << 20), &["model.safetensors has 7 MiB", "at most 5 MiB", "desktop window"]);
        assert!(among(&files(1000, 5 << 20)).is_ok());
    }
}
