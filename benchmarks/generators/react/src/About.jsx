import { lazy, Suspense, useState } from 'react';
import './About.css';

const Panel = lazy(() => import('./Panel.jsx'));

export default function About() {
  const [open, setOpen] = useState(false);
  return (
    <section className="about">
      <h1>About</h1>
      <button onClick={() => setOpen(true)}>more</button>
      {open && (
        <Suspense fallback="...">
          <Panel />
        </Suspense>
      )}
    </section>
  );
}
