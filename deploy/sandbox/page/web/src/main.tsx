import { createRoot } from "react-dom/client";
import "slack-blocks-to-jsx/dist/style.css";
import "./style/index.css";
import { App } from "./App";
import { getHere } from "./state/here";
import { connect } from "./state/live";

connect(getHere().person);
createRoot(document.getElementById("page") as HTMLElement).render(<App />);
