import { useParams } from 'react-router';
import picture from './item.svg';

export default function Item() {
  const { name } = useParams();
  return (
    <>
      <h1>{name}</h1>
      <img src={picture} alt="" />
    </>
  );
}
