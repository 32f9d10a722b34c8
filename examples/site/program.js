// What a page can do with the chat. The chat's script comes when it comes: it may be there already, or say so later.
if (window.AdvisorChat) useChat();
else addEventListener("advisor-chat", useChat);

function useChat() {
  AdvisorChat.setContext({ background: "I studied statistics and work as an analyst" });
  AdvisorChat.on("answer", ({ status, citations }) => {
    document.getElementById("heard").textContent = `The guide answered (${status}) with ${citations} quotes.`;
  });
  document.getElementById("cost").addEventListener("click", () => AdvisorChat.ask("How much does a master's cost?"));
}
