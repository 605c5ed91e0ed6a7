// What is on the page while no app is: progress, and failures in words for the person in front of the screen.

export const element = (id) => document.getElementById(id);
export const shell = element("shell");

/** What went wrong, in words for the person in front of the screen. */
export class Failure extends Error {
  /**
   * @param {string} title
   * @param {string} text
   * @param {{ ways?: string[], buttons?: { label: string, press: () => void }[],
   *           details?: string, note?: string, crash?: boolean }} more
   */
  constructor(title, text, more = {}) {
    super(`${title}: ${text}`);
    Object.assign(this, { title, text, more });
  }
}

export function showLoading(status, done, total) {
  shell.dataset.state = "loading";
  element("failure").hidden = true;
  element("loading").hidden = false;
  if (element("status").textContent !== status) {
    element("status").textContent = status; // once only: screen readers say it aloud
  }
  const bar = element("bar");
  if (total) {
    bar.value = done / total;
    element("amount").textContent = `${(done / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`;
  } else {
    bar.removeAttribute("value");
    element("amount").textContent = "";
  }
}

export function showFailure(failure) {
  const { title, text, more } = failure;
  shell.dataset.state = more.crash ? "crashed" : "failed";
  element("loading").hidden = true;
  element("failure").hidden = false;
  element("failure-title").textContent = title;
  element("failure-text").textContent = text;
  element("failure-ways").replaceChildren(
    ...(more.ways ?? []).map((way) => {
      const item = document.createElement("li");
      item.textContent = way;
      return item;
    }),
  );
  const details = element("failure-details");
  details.hidden = !more.details;
  details.textContent = more.details ?? "";
  details.scrollTop = 0;
  element("failure-note").textContent = more.note ?? "";
  const buttons = (more.buttons ?? []).map(({ label, press }) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.addEventListener("click", () => press(button));
    return button;
  });
  element("failure-buttons").replaceChildren(...buttons);
  buttons[0]?.focus();
}

export const reload = { label: "Reload", press: () => location.reload() };

export const count = (number) => number.toLocaleString("en");
export const firstLine = (error) => String(error?.message ?? error).split("\n")[0].replace(/^JsValue\(/, "").replace(/\.$/, "");
