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
    if (!running) return location.replace(location.pathname.replace(/\/owner\/.*$/, "/owner"));
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
