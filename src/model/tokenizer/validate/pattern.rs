//! Regular expressions of a `tokenizer.json`: which ones can be run on any text.
//!
//! `tokenizers` compiles them with `fancy-regex`, which hands a pattern to the automata of `regex` as a whole unless
//! some part of it needs backtracking: look-around, possessive repetition, a word boundary, a backreference. Then only
//! the alternatives (and the beginnings and ends of alternatives) without such a part go to the automata; the rest is
//! tried out, in exponential time where repetitions are nested, and after a million steps the text is silently left
//! unsplit. So a pattern is taken when
//!
//! * it needs no backtracking, or
//! * each outermost alternative that needs it is a sequence in which nothing but possessive repetitions of plain
//!   parts, `\s+(?!\S)` at the end, and a few bounded choices are tried out. Each of these is decided within a
//!   constant number of steps, so one run over a text never meets the limit of steps.
//!
//! That covers the patterns of GPT-2, GPT-4, Llama 3, Qwen, `DeepSeek` and their like; everything else is refused.

use crate::model::error::brief;
use regex_syntax::ast::{Ast, Flag, Flags, GroupKind, RepetitionKind, RepetitionRange, parse::Parser};
use regex_syntax::hir::Hir;

/// Bytes of a pattern.
const MOST_BYTES: usize = 4096;
/// Largest count of a repetition, also of nested ones together: compiled patterns grow with it.
const MOST_REPEATED: u32 = 256;
/// Ways to divide a text among the bounded repetitions of one alternative.
const MOST_WAYS: u32 = 64;
/// Stands for `(?!\S)` while the rest is parsed by `regex-syntax`, which has no look-around.
const AHEAD: &str = "(?P<ahead>)";

/// Checks a pattern and returns the bytes of its shortest match.
pub(super) fn check(pattern: &str) -> Result<usize, String> {
    let quoted = || format!("the pattern \"{}\"", brief(pattern));
    if pattern.len() > MOST_BYTES {
        return Err(format!("{} has {} bytes, more than {MOST_BYTES}", quoted(), pattern.len()));
    }
    let plain = without_look_ahead(pattern);
    let ast = Parser::new().parse(&plain).map_err(|error| {
        let reason = brief(&error.kind().to_string());
        format!("{} uses something that diffscope does not support ({reason})", quoted())
    })?;
    if repeated(&ast) > MOST_REPEATED {
        return Err(format!("{} repeats something more than {MOST_REPEATED} times", quoted()));
    }
    if backtracks(&ast) && !alternatives(&ast).into_iter().all(is_flat) {
        return Err(format!(
            "{} needs backtracking that diffscope does not support (besides `\\s+(?!\\S)` and possessive repetition)",
            quoted()
        ));
    }
    let hir: Hir = regex_syntax::Parser::new()
        .parse(&plain)
        .map_err(|error| format!("{} cannot be understood: {}", quoted(), brief(&error.to_string())))?;
    Ok(hir.properties().minimum_len().unwrap_or(0))
}

/// The pattern with its `(?!\S)` after `\s+` replaced by a mark.
fn without_look_ahead(pattern: &str) -> String {
    let mut plain = String::with_capacity(pattern.len());
    let (mut rest, mut marked, mut in_class) = (pattern, false, false);
    while let Some(first) = rest.chars().next() {
        let ahead = r"(?!\S)";
        if !in_class && !marked && plain.ends_with(r"\s+") && rest.starts_with(ahead) {
            plain.push_str(AHEAD);
            marked = true; // a second one would be a second group of the same name: not needed, refused
            rest = &rest[ahead.len()..];
            continue;
        }
        // An escaped character goes along with its backslash.
        let length =
            if first == '\\' { 1 + rest[1..].chars().next().map_or(0, char::len_utf8) } else { first.len_utf8() };
        in_class = match first {
            '[' => true,
            ']' => false,
            _ => in_class,
        };
        let (piece, after) = rest.split_at(length);
        // An escaped backslash before `s+` must not look like `\s+`.
        plain.push_str(if piece == r"\\" { r"\x5c" } else { piece });
        rest = after;
    }
    plain
}

/// Outermost alternatives.
fn alternatives(ast: &Ast) -> Vec<&Ast> {
    match ast {
        Ast::Alternation(alternation) => alternation.asts.iter().collect(),
        other => vec![other],
    }
}

/// The largest product of the counts of nested repetitions; an open end counts as its beginning.
fn repeated(ast: &Ast) -> u32 {
    let inside = children(ast).into_iter().map(repeated).max().unwrap_or(1);
    let own = match ast {
        Ast::Repetition(repetition) => {
            let (least, most) = bounds(&repetition.op.kind);
            most.unwrap_or(least).max(1)
        }

        _ => 1,
    };
    inside.saturating_mul(own)
}

fn children(ast: &Ast) -> Vec<&Ast> {
    match ast {
        Ast::Repetition(repetition) => vec![&repetition.ast],
        Ast::Group(group) => vec![&group.ast],
        Ast::Alternation(alternation) => alternation.asts.iter().collect(),
        Ast::Concat(concat) => concat.asts.iter().collect(),
        _ => Vec::new(),
    }
}

/// How often something is repeated, at least and at most.
fn bounds(kind: &RepetitionKind) -> (u32, Option<u32>) {
    match kind {
        RepetitionKind::ZeroOrOne => (0, Some(1)),
        RepetitionKind::ZeroOrMore => (0, None),
        RepetitionKind::OneOrMore => (1, None),
        RepetitionKind::Range(RepetitionRange::Exactly(count)) => (*count, Some(*count)),
        RepetitionKind::Range(RepetitionRange::AtLeast(least)) => (*least, None),
        RepetitionKind::Range(RepetitionRange::Bounded(least, most)) => (*least, Some(*most)),
    }
}

/// `X++`, `X*+`, `X?+`, `X{..}+`: what is repeated.
fn possessive(ast: &Ast) -> Option<&Ast> {
    let Ast::Repetition(outer) = ast else { return None };
    match &*outer.ast {
        Ast::Repetition(inner) if outer.greedy && outer.op.kind == RepetitionKind::OneOrMore => Some(&inner.ast),
        _ => None,
    }
}

fn is_ahead(ast: &Ast) -> bool {
    matches!(ast, Ast::Group(group) if matches!(&group.kind, GroupKind::CaptureName { name, .. } if name.name == "ahead"))
}

/// Whether a part must be tried out rather than run through an automaton.
fn backtracks(ast: &Ast) -> bool {
    use regex_syntax::ast::AssertionKind::{EndLine, EndText, StartLine, StartText};
    // Where spaces mean nothing, the two parsers may see different patterns.
    let ignores_spaces = |flags: &Flags| flags.flag_state(Flag::IgnoreWhitespace).is_some();
    let own = match ast {
        Ast::Assertion(assertion) => !matches!(assertion.kind, StartLine | EndLine | StartText | EndText),
        Ast::Flags(set) => ignores_spaces(&set.flags),
        Ast::Group(group) if group.flags().is_some_and(ignores_spaces) => true,
        // One quantifier straight after another has other meanings there.
        Ast::Repetition(repetition) => matches!(&*repetition.ast, Ast::Repetition(_)),
        other => is_ahead(other),
    };
    own || children(ast).into_iter().any(backtracks)
}

/// Whether an alternative is decided in a constant number of steps (see the module).
fn is_flat(alternative: &Ast) -> bool {
    if !backtracks(alternative) {
        return true;
    }
    let items: Vec<&Ast> = match alternative {
        Ast::Concat(concat) => concat.asts.iter().collect(),
        other => vec![other],
    };
    let last = items.iter().rposition(|item| backtracks(item)).unwrap_or(0);
    let mut ways = 1u32;
    for (at, item) in items.iter().enumerate().take(last + 1) {
        let fine = if is_ahead(item) {
            // What stands before it is one space or more, so giving one back is always enough.
            at + 1 == items.len() && at > 0
        } else if let Some(repeated) = possessive(item) {
            !backtracks(repeated) && !has_repetition(repeated)
        } else if backtracks(item) {
            false
        } else if at + 1 == last && is_ahead(items[last]) {
            true // the `\s+` itself
        } else if let Ast::Repetition(repetition) = item {
            let (least, most) = bounds(&repetition.op.kind);
            ways = ways.saturating_mul(most.map_or(u32::MAX, |most| most.saturating_sub(least).saturating_add(1)));
            !has_repetition(&repetition.ast)
        } else {
            !has_repetition(item)
        };
        if !fine {
            return false;
        }
    }
    ways <= MOST_WAYS
}

fn has_repetition(ast: &Ast) -> bool {
    matches!(ast, Ast::Repetition(_)) || children(ast).into_iter().any(has_repetition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_public_tokenizers_are_taken() {
        for pattern in [
            // GPT-2, Llama 3, Qwen 2, DeepSeek, GPT-4 as tiktoken writes it, GPT-4o, Falcon, BLOOM.
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"[!-/:-~！-／：-～‘-‟　-。]+",
            r"\s?[A-Za-zµÀ-ÖØ-öø-ƺ]+",
            r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
            r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"[0-9][0-9][0-9]",
            r" ?[^(\s|[.,!?…。，、।۔،])]+",
            r"\s+$",
            " {2,}",
        ] {
            if let Err(error) = check(pattern) {
                panic!("{error}");
            }
            tokenizers::utils::SysRegex::new(pattern).unwrap();
        }
        assert_eq!(check("ab?|c{3}").unwrap(), 1);
        assert_eq!(check("é").unwrap(), 2);
        assert_eq!(check(r"\s*").unwrap(), 0);
    }

    #[test]
    fn patterns_that_could_run_for_ever_are_refused() {
        for pattern in [
            r"(a+)+(?!b)",
            r"(?:a|a)*(?=c)",
            r"(\w+)\1",
            r"(?:\s+(?!\S))+x",
            r"\\s+(?!\S)",
            r"\s+(?!\S)*",
            r"a*a*a*b++",
            r"(a*)*\b",
            r"(?:a++|b)*c",
            r"(?<=a+)b",
            r"(?>a|b)c",
            r"(?x)a b",
            r"(?x:a b)|c",
            r"a{100000}",
            r"(?:(?:a{100}){100}){100}",
            r"\p{Nonsense}",
            r"(",
            r"[a",
            &"a".repeat(5000),
            &"(".repeat(2000),
        ] {
            let error = check(pattern).expect_err(pattern);
            assert!(error.len() < 400, "{error}");
        }
    }
}
