// While the command runs, say how far it is; when it has ended, show the page anew.
const job = document.querySelector('.job[data-running="yes"]');
async function look() {
  try {
    const response = await fetch(job.dataset.progress, { credentials: "same-origin" });
    const { running, line } = await response.json();
    const shown = document.getElementById("job-line");
    if (shown.textContent !== line) shown.textContent = line;
    if (!running) return location.replace(location.pathname.replace(/\/owner\/.*$/, "/owner"));
  } catch {
    // the server may be busy or gone for a moment: look again
  }
  setTimeout(look, 700);
}
if (job) look();
