import { lazy, StrictMode, Suspense } from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter, Link, Route, Routes } from 'react-router';
import './index.css';
import App from './App.jsx';

const About = lazy(() => import('./About.jsx'));
const Stock = lazy(() => import('./Stock.jsx'));
const Item = lazy(() => import('./Item.jsx'));

createRoot(document.getElementById('root')).render(
  <StrictMode>
    <BrowserRouter>
      <nav>
        <Link to="/">Home</Link> <Link to="/about">About</Link> <Link to="/stock">Stock</Link>
      </nav>
      <Suspense fallback={<p>Loading</p>}>
        <Routes>
          <Route path="/" element={<App />} />
          <Route path="/about" element={<About />} />
          <Route path="/stock" element={<Stock />} />
          <Route path="/stock/:name" element={<Item />} />
        </Routes>
      </Suspense>
    </BrowserRouter>
  </StrictMode>,
);
