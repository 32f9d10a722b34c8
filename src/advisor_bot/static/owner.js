// While the command runs, say how far it is; when it has ended, show the page anew.
const job = document.querySelector('.job[data-running="yes"]');
async function look() {
  try {
    const response = await fetch(job.dataset.progress, { credentials: "same-origin" });
    const { running, line, far } = await response.json();
    const shown = document.getElementById("job-line");
    if (shown.textContent !== line) shown.textContent = line;
    const bar = document.getElementById("job-far");
    if (far) [bar.value, bar.max] = [Math.min(...far), far[1]];
    else bar.removeAttribute("value");
    if (!running) return location.replace(location.pathname.replace(/\/owner\/[^/]*$/, "/owner"));
  } catch {
    // the server may be busy or gone for a moment: look again
  }
  setTimeout(look, 700);
}
if (job) look();

// Files may be dropped on the form; what is too large is said before it is sent, and nothing is sent twice.
const form = document.querySelector("form.drop");
if (form) {
  const files = form.elements.files;
  const says = document.getElementById("drop-says");
  for (const kind of ["dragover", "drop"]) form.addEventListener(kind, (event) => event.preventDefault());
  form.addEventListener("dragover", () => form.classList.add("over"));
  for (const kind of ["dragleave", "drop"]) form.addEventListener(kind, () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    if (event.dataTransfer.files.length) files.files = event.dataTransfer.files;
  });
  form.addEventListener("submit", (event) => {
    const bytes = [...files.files].reduce((sum, file) => sum + file.size, 0);
    if (bytes > form.dataset.most * 1e6) {
      event.preventDefault();
      says.textContent = `These files have more than ${form.dataset.most} MB. Send fewer at a time.`;
      says.setAttribute("role", "alert");
    } else {
      form.querySelector("button").disabled = true;
      says.textContent = "Sending…";
    }
  });
}

// The widget's line and picture follow the form; the server makes the line.
const looks = document.querySelector("form.look");
if (looks) {
  const line = document.getElementById("line");
  const copy = document.getElementById("copy");
  let waiting;
  const follow = async () => {
    const address = `${looks.action}?${new URLSearchParams(new FormData(looks))}`;
    const text = await (await fetch(address, { credentials: "same-origin" })).text();
    const made = new DOMParser().parseFromString(text, "text/html");
    line.value = made.getElementById("line").value;
    document.getElementById("picture").src = made.getElementById("picture").getAttribute("src");
    document.getElementById("copied").textContent = "";
  };
  looks.querySelector("button").hidden = true;
  looks.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(follow, 300);
  });
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(line.value);
      document.getElementById("copied").textContent = "Copied.";
    } catch {
      line.select(); // a page without HTTPS may not write there: the visitor's own keys can
      document.getElementById("copied").textContent = "Press Ctrl+C, or ⌘C.";
    }
  });
}
