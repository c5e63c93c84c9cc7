import { render } from "preact";
import { App } from "./app";
import { clockStart } from "./lib/clock";
import { keysStart } from "./lib/keys";
import { routeStart } from "./lib/route";
import { themeStart } from "./lib/theme";

themeStart();
clockStart();
keysStart();
routeStart();
const root = document.getElementById("app");
if (root) {
  render(<App />, root);
}
