/** Starts the studio in the page. */
import { render } from 'preact';
import { App } from './app.tsx';
import { keepForOffline } from './offline/register.ts';
import { applyTheme } from './shell/theme.ts';

keepForOffline();
applyTheme();
render(<App />, document.getElementById('app')!);
