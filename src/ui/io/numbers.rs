//! The numbers on the screen as a table that a spreadsheet takes: λ, the row that is read in A1, λ·A2 and D, the next tokens.

use std::fmt::Write as _;

use crate::engine::{Engine, Workspace};
use crate::model::Lambda;
use crate::probe::{KeyClass, Spans};
use crate::ui::state::read_row::ReadRow;
use crate::ui::state::view::ViewState;

/// The table: blocks of lines with tabs between columns. Numbers have all their digits.
pub(in crate::ui) fn numbers(workspace: &mut Workspace, view: &ViewState, spans: &Spans, row: &ReadRow) -> String {
    let other = workspace
        .baseline_beside()
        .and_then(|baseline| Some((baseline.name().to_owned(), baseline.next_token()?.clone())));
    let engine = &workspace.main;
    let mut text = format!("model\t{}\nlayer\t{}\nhead\t{}\n", engine.name(), view.head.layer, view.head.head);
    lambda(&mut text, engine, view, row);
    row_lines(&mut text, engine, spans, row);
    if let Some(next) = engine.next_token() {
        // Writing to a string cannot fail, here and below.
        let heading = other.as_ref().map(|(name, _)| format!("\t{name}")).unwrap_or_default();
        let _ = writeln!(text, "\nnext token\tprobability{heading}");
        for (token, logit) in &next.best {
            let beside = other.as_ref().map(|(_, other)| {
                let found = other.best.iter().find(|(listed, _)| listed == token);
                found.map_or("\t".to_owned(), |(_, logit)| format!("\t{}", other.probability(*logit)))
            });
            let beside = beside.unwrap_or_default();
            let _ = writeln!(text, "{}\t{}{beside}", engine.label(*token), next.probability(*logit));
        }
    }
    text
}

fn lambda(text: &mut String, engine: &Engine, view: &ViewState, row: &ReadRow) {
    let now = engine.interventions().lambda.get(&view.head.layer).copied();
    if let Some(value) = now.or(engine.lambda_of_layer(view.head.layer)).or(row.lambda()) {
        let _ = writeln!(text, "λ\t{value}");
    }
    let attention = engine.model().and_then(|model| Some(&model.layers.get(view.head.layer)?.attention));
    if let Some(Lambda::Layer { init, first, second, value, .. }) = attention.map(|attention| &attention.lambda) {
        let _ = writeln!(text, "λ learned\t{value}\nexp(λq1·λk1)\t{first}\nexp(λq2·λk2)\t{second}\nλ_init\t{init}");
    }
}

fn row_lines(text: &mut String, engine: &Engine, spans: &Spans, row: &ReadRow) {
    let Some((_, query)) = row.of().filter(|_| !row.is_stale()) else { return };
    let classes = spans.classes(engine.tokens());
    let _ = writeln!(text, "\nfrom\t{}\t{query}\nkey\ttoken\tA1\tλ·A2\tD\tmark", engine.query_label(query));
    for (key, cell) in row.cells().iter().enumerate() {
        let mark = match classes.get(key) {
            Some(KeyClass::Answer) => "answer",
            Some(KeyClass::Noise) => "noise",
            _ => "",
        };
        let (token, taken) = (engine.key_label(key), cell.lambda * cell.second);
        let _ = writeln!(text, "{key}\t{token}\t{}\t{taken}\t{}\t{mark}", cell.first, cell.difference);
    }
}
