import { useAgreements, useModelPricing } from "../api/queries";
import { count, date, money, price, words } from "../format";
import { Empty, OuterText, QueryCard, Table } from "./Card";

export function Agreements() {
  return (
    <QueryCard title="Service agreements" query={useAgreements()}>
      {(agreements) =>
        agreements.length === 0 ? (
          <Empty>You have no service agreements.</Empty>
        ) : (
          <Table label="Service agreements">
            <thead>
              <tr>
                <th scope="col">Description</th>
                <th scope="col">Project</th>
                <th scope="col">Charged</th>
                <th scope="col">Billed</th>
                <th scope="col" className="number">Amount</th>
              </tr>
            </thead>
            <tbody>
              {agreements.map((agreement) => (
                <tr key={agreement.chargeId}>
                  <td>
                    <OuterText>{agreement.description}</OuterText>
                  </td>
                  <td>{agreement.projectName === undefined ? "All projects" : <OuterText>{agreement.projectName}</OuterText>}</td>
                  <td>{words(agreement.chargeType)}</td>
                  <td>{agreement.billedAt === undefined ? "Not yet" : date(agreement.billedAt)}</td>
                  <td className="number">{money(agreement.amountUsd)}</td>
                </tr>
              ))}
            </tbody>
          </Table>
        )
      }
    </QueryCard>
  );
}

export function ModelPricing() {
  return (
    <QueryCard title="Prices of models" query={useModelPricing()} note={(models) => `${count(models.length)} models, per 1,000 tokens`}>
      {(models) =>
        models.length === 0 ? (
          <Empty>There are no prices yet.</Empty>
        ) : (
          <Table label="Prices of models">
            <thead>
              <tr>
                <th scope="col">Model</th>
                <th scope="col" className="number">Input</th>
                <th scope="col" className="number">Output</th>
              </tr>
            </thead>
            <tbody>
              {models.map((item) => (
                <tr key={item.model}>
                  <td>{item.model}</td>
                  <td className="number">{price(item.inputPricePer1K)}</td>
                  <td className="number">{price(item.outputPricePer1K)}</td>
                </tr>
              ))}
            </tbody>
          </Table>
        )
      }
    </QueryCard>
  );
}
