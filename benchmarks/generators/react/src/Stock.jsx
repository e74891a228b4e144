import { useEffect, useState } from 'react';
import { Link } from 'react-router';

export default function Stock() {
  const [items, setItems] = useState([]);
  useEffect(() => {
    fetch('/stock.json')
      .then((answer) => answer.json())
      .then((stock) => setItems(stock.items));
  }, []);
  return (
    <>
      <h1>Stock</h1>
      <ul>
        {items.map((name) => (
          <li key={name}>
            <Link to={`/stock/${name}`}>{name}</Link>
          </li>
        ))}
      </ul>
    </>
  );
}
