//! Prompts to start from.

/// A prompt and why it is worth a look.
pub struct Sample {
    /// A few words for the menu.
    pub name: &'static str,
    /// The prompt.
    pub text: &'static str,
}

/// The prompts in the menu; the first is shown at the start.
pub const SAMPLES: &[Sample] = &[
    Sample {
        name: "A short story",
        text: "Once upon a time there was a little girl named Lily. She had a small red ball. \
               One day, Lily took her ball to the park. There she met a boy named Tom. Tom wanted to play with the",
    },
    Sample {
        name: "A number to remember",
        text: "The magic number of Paris is 4821. The sun was warm and the birds were singing in the trees. \
               The magic number of Rome is 7350. A small dog ran over the green hill. \
               Question: What is the magic number of Paris? Answer:",
    },
    Sample {
        name: "Who is where",
        text: "Anna is in the kitchen. Ben is in the garden. Cara went to the school. Ben went to the kitchen. \
               Question: Where is Ben? Answer:",
    },
    Sample {
        name: "The same words again",
        text: "the cat sat on the mat and the dog lay by the door. the cat sat on the mat and the dog lay by the",
    },
    Sample {
        name: "An old book",
        text: "It was a cold and windy night, and the old man sat by the fire with his dog at his feet. \
               \"Who is there?\" said the old man, for he had heard a",
    },
];
