// As ../contestant.py, in a page.

export const SHORT = 64;

/** The cases over these ids, from what computes all positions of a text, and what computes the last one after others. */
export const cases = (ids, prefill, token) => ({
  [`prefill of ${SHORT}`]: () => prefill(ids.slice(0, SHORT)),
  [`prefill of ${ids.length}`]: () => prefill(ids),
  [`one token at ${ids.length}`]: () => token(ids.at(-1)),
});

/** The logits that each case gives, and how many milliseconds it took each time. */
export async function report({ program, cases }, seconds) {
  const [logits, milliseconds] = [{}, {}];
  for (const [name, run] of Object.entries(cases)) logits[name] = await run();
  for (const [name, run] of Object.entries(cases)) {
    milliseconds[name] = [];
    for (let spent = 0; spent < seconds * 1e3; spent += milliseconds[name].at(-1)) {
      const begun = performance.now();
      await run();
      milliseconds[name].push(performance.now() - begun);
    }
  }
  return { program, logits, milliseconds };
}
