export default function Panel() {
  return <p className="panel">What was not loaded before.</p>;
}
