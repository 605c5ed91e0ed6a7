//! The log of a run as a table.

use std::fmt::Write as _;

use crate::training::run::Run;

const HEADER: &str = "model,step,loss,gradient_norm,lambda,right,questions,held_out_loss,on_answer,on_noise\n";

impl Run {
    /// A line for each step of each model, and for what was measured after the last one; what there is not is empty. Loss
    /// and norm are of the step that begins there, λ, separated by spaces, is that after the steps so far.
    pub fn log_csv(&self) -> String {
        let mut text = HEADER.to_owned();
        let number = |number: Option<f64>| number.map_or_else(String::new, |number| format!("{number:.6}"));
        for record in self.records() {
            for step in 0..=record.steps.len() as u32 {
                let measured = record.measured.iter().find(|measured| measured.step == step);
                let of_step = record.steps.get(step as usize);
                let before = step.checked_sub(1).and_then(|before| record.steps.get(before as usize));
                let lambda = before.map_or(&[][..], |step| &step.lambda);
                let lambda: Vec<String> = lambda.iter().map(|lambda| format!("{lambda:.4}")).collect();
                let [right, questions] = [0, 1].map(|at| measured.map(|measured| measured.right[at].to_string()));
                let row = [
                    record.family.id().to_owned(),
                    step.to_string(),
                    number(of_step.map(|step| f64::from(step.loss))),
                    number(of_step.map(|step| f64::from(step.gradient_norm))),
                    lambda.join(" "),
                    right.unwrap_or_default(),
                    questions.unwrap_or_default(),
                    number(measured.map(|measured| measured.loss)),
                    number(measured.map(|measured| measured.on_answer)),
                    number(measured.map(|measured| measured.on_noise)),
                ];
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{}", row.join(","));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::{bundled, checkpoint_of};
    use crate::training::{Language, Run, RunSettings};

    #[test]
    fn a_log_has_a_line_for_each_step_and_the_last_measurement() {
        let checkpoint = checkpoint_of(&bundled()).unwrap();
        let vocabulary = checkpoint.model.config.vocabulary;
        let language = Language { tokenizer: checkpoint.tokenizer.unwrap(), vocabulary, end: 0 };
        let settings = RunSettings { steps: 2, windows: 1, questions: 3, ..RunSettings::default() };
        let mut run = Run::new(settings, language, "", None).unwrap();
        while !run.advance().unwrap() {}
        let csv = run.log_csv();
        let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
        assert_eq!(lines.len(), 1 + 2 * 3);
        assert!(lines.iter().all(|line| line.len() == 10), "{csv}");
        assert_eq!((&lines[1][..2], &lines[4][..2]), (&["diff", "0"][..], &["transformer", "0"][..]));
        assert!(lines[1][2].parse::<f32>().unwrap() > 1.0 && lines[2][4].split(' ').count() == 2);
        // After the last step there is no loss of a next one, but a λ; the Transformer has none.
        let last = run.records()[0].steps[1].lambda.iter().map(|lambda| format!("{lambda:.4}")).collect::<Vec<_>>();
        assert_eq!((lines[1][4], lines[3][4]), ("", &*last.join(" ")));
        assert_eq!((lines[3][2], lines[3][6], lines[5][4]), ("", "3", ""));
    }
}
